/** The answer to one reading: what was read, how sure, what the network saw, and which digit it really was. */

import { ignoreProblem, isDigit } from "./api.js";
import { SHOW_WAITING_MS, cloned, element, parts, problemNotice, seenUrl } from "./elements.js";
import { roughPercent, texts } from "./texts.js";

const SURE_AT_LEAST = 0.8; // confidence below this: name the second guess too
const SHOW_SLOW_MS = 3_000;

export class Answer {
  element = cloned("answer-template");
  #parts = parts(this.element);
  #api;
  #numberKeys;
  #reading = /** @type {import("./reading.js").Reading | null} */ (null);
  #answered = /** @type {import("./reading.js").Reading | null} */ (null); // the one whose answer stands there
  #problem = /** @type {import("./api.js").Problem | null} */ (null); // that stands there
  #stale = false;
  #patience = [];
  #beforeLabel = null;
  #figures = null; // the writer's own, after the label of one record
  #unshown = ""; // the address of an image that this browser cannot show: a TIFF

  constructor(api, numberKeys) {
    this.#api = api;
    this.#numberKeys = numberKeys;
    this.#parts.keys.append(...Array.from({ length: 10 }, (_, digit) => this.#key(digit)));
    this.#parts.undo.addEventListener("click", () => this.#undoLabel());
    const choice = this.#parts.numberKeys;
    choice.checked = numberKeys.on;
    choice.addEventListener("change", () => (numberKeys.on = choice.checked));
    numberKeys.addEventListener("change", () => (choice.checked = numberKeys.on));
    document.addEventListener("keydown", (event) => this.#typed(event));
    this.#parts.original.addEventListener("error", () => {
      this.#unshown = this.#parts.original.src;
      this.#parts.original.parentElement.hidden = true;
    });
    this.show(null);
  }

  /** Show a reading and follow it, or nothing. @param {import("./reading.js").Reading | null} reading */
  show(reading) {
    this.#reading?.removeEventListener("change", this.#render);
    reading?.addEventListener("change", this.#render);
    this.#reading = reading;
    this.#beforeLabel = null;
    this.#figures = null;
    this.stale = false;
  }

  /** True while the image is being changed: the answer is to what it was, so it takes no label. */
  set stale(stale) {
    this.#stale = stale;
    this.#render();
  }

  /** Take back the label, if there is one. @returns {boolean} was there, or is it being taken back? */
  undo() {
    if (!this.#canUndo) return this.#reading?.state === "sending" && this.#reading.record !== null;
    this.#undoLabel();
    return true;
  }

  get #canLabel() {
    return !this.#stale && this.#reading?.state === "classified";
  }

  /** A first label is undone by sending the image once more. */
  get #canUndo() {
    const isFirst = this.#beforeLabel === null;
    return this.#canLabel && this.#reading.trueDigit !== null && !(isFirst && this.#reading.image === null);
  }

  #render = () => {
    this.#patience.forEach(clearTimeout);
    const reading = this.#reading;
    const isSending = reading?.state === "sending";
    this.element.classList.toggle("waiting", this.#stale || isSending);
    for (const key of this.#parts.keys.children) key.disabled = !this.#canLabel;
    this.#parts.undo.hidden = !this.#canUndo;
    this.#renderProblem(reading);
    if (isSending) this.#wait();
    else this.#renderAnswer(reading);
  };

  #renderProblem(reading) {
    const problem = reading?.problem ?? null;
    if (problem === this.#problem) return; // written again, it would be read out again
    this.#problem = problem;
    const retry = reading?.canRetry ? () => reading.send() : null;
    this.#parts.problem.replaceChildren(...(problem ? [problemNotice(problem, retry)] : []));
  }

  #renderAnswer(reading) {
    const record = reading?.state === "classified" ? reading.record : null;
    this.#say(...(record ? verdict(record) : withoutAnswer(reading)));
    this.#answered = reading;
    this.#renderKeys(record);
    this.#renderMeaning(record);
    this.#renderImages(reading, record);
  }

  /** Until the answer comes the last one stays, dimmed. */
  #wait() {
    const word = (text) => () => this.#say("sending", texts.answer.unknownDigit, text);
    this.#patience = [setTimeout(word(texts.answer.sending), SHOW_WAITING_MS), setTimeout(word(texts.answer.slow), SHOW_SLOW_MS)];
  }

  #say(certainty, digit, sentence, note = "") {
    this.element.dataset.certainty = certainty;
    this.#write("digit", String(digit));
    this.#write("says", sentence);
    this.#write("note", note);
  }

  /** What is written is read out: the same text again only where it answers another image. */
  #write(part, text) {
    const node = this.#parts[part];
    if (node.textContent !== text || this.#answered !== this.#reading) node.textContent = text;
  }

  #key(digit) {
    return element(
      "button",
      { type: "button", class: "key", onclick: () => this.#label(digit) },
      element("span", { class: "percent", "aria-hidden": "true" }),
      element("span", { class: "probability", "aria-hidden": "true" }),
      element("span", { class: "numeral" }, digit),
    );
  }

  #renderKeys(record) {
    [...this.#parts.keys.children].forEach((key, digit) => {
      const probability = record?.probabilities[digit] ?? null;
      key.style.setProperty("--share", String(probability ?? 0));
      key.querySelector(".percent").textContent = probability >= 0.01 ? roughPercent(probability) : "";
      key.setAttribute("aria-label", texts.answer.key(digit, probability));
      key.setAttribute("aria-pressed", String(record?.true === digit));
      key.classList.toggle("read", record?.predicted === digit);
    });
  }

  #renderImages(reading, record) {
    this.#parts.seen.hidden = reading === null;
    const isKept = Boolean(reading?.image);
    this.#parts.original.parentElement.hidden = !isKept || reading.imageUrl === this.#unshown;
    if (isKept) setImage(this.#parts.original, reading.imageUrl, texts.answer.originalAlt);
    this.#parts.preprocessed.parentElement.hidden = record === null;
    if (record) setImage(this.#parts.preprocessed, seenUrl(record), texts.answer.seenAlt);
    this.#parts.steps.textContent = record ? `${isKept ? "" : texts.answer.imageGone} ${stepsOf(record)}`.trim() : "";
  }

  /** What the label says, and what it means for the person once the figures are there. */
  #renderMeaning(record) {
    const digit = record?.true ?? null;
    const said = digit === null ? "" : texts.answer.said(record);
    const standing = digit === null || this.#figures?.after !== record ? "" : texts.answer.standing(this.#figures);
    this.#write("meaning", `${said} ${standing}`.trim());
  }

  async #label(digit) {
    const reading = this.#reading;
    if (digit === reading.trueDigit) return;
    if (!(await this.#relabel(digit, reading.trueDigit))) return;
    const figures = await this.#api.legibility().catch(ignoreProblem); // what was said is enough
    if (!figures || reading !== this.#reading || digit !== reading.trueDigit) return;
    this.#figures = { ...figures, after: reading.record };
    this.#render();
  }

  /** What could not be saved is no step to undo. @returns {Promise<boolean>} saved? */
  async #relabel(digit, beforeLabel) {
    const [reading, before] = [this.#reading, this.#beforeLabel];
    this.#beforeLabel = beforeLabel;
    this.#figures = null;
    const isSaved = await reading.label(digit);
    if (!isSaved && reading === this.#reading) {
      this.#beforeLabel = before;
      this.#render();
    }
    return isSaved;
  }

  /** The button goes with the label, and no key can be pressed until then: the keyboard goes on at the digit's. */
  async #undoLabel() {
    const [before, reading] = [this.#beforeLabel, this.#reading];
    const key = this.#parts.keys.children[reading.trueDigit];
    const hadFocus = this.element.contains(document.activeElement);
    this.#figures = null;
    await (before === null ? reading.unlabel() : this.#relabel(before, null));
    const isLost = document.activeElement.matches("body, [hidden]");
    if (hadFocus && isLost && reading === this.#reading) key.focus();
  }

  #typed(event) {
    const place = event.shiftKey ? null : /^Digit(.)$/.exec(event.code); // a French keyboard types & on its 1
    const digit = /^[0-9]$/.test(event.key) ? event.key : place?.[1];
    if (!digit || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.#numberKeys.on || !this.#canLabel || !this.#isInFront()) return;
    if (event.target.closest("input:not([type=checkbox], [type=range], [type=file]), textarea, select")) return;
    this.#label(Number(digit));
  }

  #isInFront() {
    const dialog = document.querySelector("dialog[open]");
    return this.element.checkVisibility() && (dialog === null || dialog.contains(this.element));
  }
}

/** @returns {[certainty: string, digit: number | string, sentence: string, note: string]} */
function verdict(record) {
  const { predicted, confidence, probabilities } = record;
  if (!isDigit(record)) return ["not-digit", "?", texts.answer.notDigit, texts.answer.notDigitNote(predicted, confidence)];
  if (confidence < SURE_AT_LEAST) {
    const second = secondGuess(probabilities, predicted);
    return ["unsure", predicted, texts.answer.unsure(predicted, second), texts.answer.unsureNote(confidence)];
  }
  return ["sure", predicted, texts.answer.sure(predicted), texts.answer.sureNote(confidence)];
}

/** @returns {[certainty: string, digit: string, sentence: string]} */
function withoutAnswer(reading) {
  const state = reading === null ? "empty" : reading.state;
  const sentence = { empty: texts.answer.empty, pending: texts.answer.pending, failed: "", gone: texts.answer.gone }[state];
  return [state, texts.answer.unknownDigit, sentence];
}

function secondGuess(probabilities, first) {
  const others = probabilities.map((probability, digit) => (digit === first ? -1 : probability));
  return others.indexOf(Math.max(...others));
}

function setImage(image, url, alt) {
  if (image.getAttribute("src") !== url) image.src = url;
  image.alt = alt;
}

/** What preprocessing did, in words; nothing where it found nothing, or for an answer that does not tell. */
function stepsOf({ preprocessing: did }) {
  if (!did?.box) return "";
  const { steps, done } = texts.answer;
  const words = [
    did.inverted ? steps.inverted : null,
    did.rotation !== 0 ? steps.rotated(did.rotation) : null,
    steps.cropped,
    did.thickened ? steps.thickened : null,
    steps.scaled,
  ];
  return done(words.filter((word) => word !== null));
}
