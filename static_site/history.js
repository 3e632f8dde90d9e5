/** The writer's own images, newest first: filtered, opened, labelled, deleted. */

import { Answer } from "./answer.js";
import { ignoreProblem } from "./api.js";
import { SHOW_WAITING_MS, element, goOnAt, ignoreSecond, picture, problemNotice, seenUrl } from "./elements.js";
import { Reading } from "./reading.js";
import { texts } from "./texts.js";

const PAGE = 24; // images shown at a time
const DOUBLE_CLICK_MS = 500; // from the first click to the second
const words = texts.handwriting;

const FILTERS = {
  all: () => true,
  wrong: (record) => record.true !== null && record.true !== record.predicted,
  open: (record) => record.true === null,
};

export class History {
  #parts;
  #api;
  #collection;
  #onChange;
  #answer;
  #reading = /** @type {Reading | null} */ (null); // the one in the dialog
  #opened = /** @type {import("./api.js").Classification | null} */ (null); // its record as it was
  #matches = FILTERS.all;
  #most = PAGE;
  #turn = 0;
  #opening = 0;
  #place = -1; // its card's
  #untold = /** @type {import("./api.js").Problem | null} */ (null); // what could not be saved

  /**
   * @param {Record<string, any>} parts figures; history, and in it filters, gallery, status, historyProblem, more; dialog
   * @param {() => void} onChange after a label or a deletion
   */
  constructor(parts, api, collection, numberKeys, onChange) {
    this.#parts = parts;
    this.#api = api;
    this.#collection = collection;
    this.#onChange = onChange;
    this.#answer = new Answer(api, numberKeys);
    parts.more.addEventListener("click", () => this.#showMore());
    this.#fillDialog();
  }

  /** @param {URLSearchParams} parameters of one confusion, or none */
  async show(parameters) {
    this.#opening += 1; // what was clicked before the view was left opens no more
    const filters = { ...FILTERS, ...pairFilter(parameters) };
    const first = "pair" in filters ? "pair" : "all";
    const names = { ...words.filters, pair: words.pairFilter(parameters.get("true"), parameters.get("predicted")) };
    this.#parts.filters.replaceChildren(
      ...Object.keys(filters).map((key) => this.#filterButton(names[key], filters[key], key === first)),
    );
    this.#matches = filters[first];
    await this.#show(PAGE);
    this.#tellUnsaved();
  }

  /** Bring the images into sight, and the keyboard to them: the figures above fill a screen or more. */
  goTo() {
    this.#parts.history.scrollIntoView();
    this.#parts.filters.querySelector("[aria-pressed=true]").focus({ preventScroll: true });
  }

  #filterButton(name, matches, pressed) {
    const button = element("button", { type: "button", "aria-pressed": String(pressed) }, name);
    button.addEventListener("click", () => {
      for (const each of this.#parts.filters.children) each.setAttribute("aria-pressed", String(each === button));
      this.#matches = matches;
      this.#show(PAGE, true);
    });
    return button;
  }

  async #show(most, areOthers = false) {
    const turn = (this.#turn += 1); // what an older turn fetched is not shown any more
    const { figures, history, gallery, status, more } = this.#parts;
    const isWanted = () => turn === this.#turn && figures.checkVisibility(); // else the view was left
    this.#most = most;
    this.#showProblem(null);
    const waiting = setTimeout(() => turn === this.#turn && (status.textContent = texts.page.loading), SHOW_WAITING_MS);
    try {
      const enough = most + 1; // one more says whether there are more
      const records = await this.#collection.find(this.#matches, enough, { isWanted });
      if (!isWanted()) return;
      gallery.replaceChildren(...records.slice(0, most).map((record) => this.#card(record)));
      history.hidden = records.length === 0 && this.#matches === FILTERS.all; // the figures say what to do then
      status.textContent = records.length === 0 ? words.noMatch : "";
      more.hidden = records.length <= most;
    } catch (problem) {
      if (!isWanted()) return;
      history.hidden = false;
      status.textContent = "";
      if (areOthers) gallery.replaceChildren();
      more.hidden ||= areOthers;
      this.#showProblem(problem, () => this.#refresh());
    } finally {
      clearTimeout(waiting);
    }
  }

  /** The button goes with the last of them: who pressed it by keyboard goes on at the first new image. */
  async #showMore() {
    const { gallery, more } = this.#parts;
    const shown = gallery.children.length;
    await this.#show(shown + PAGE);
    if (more.hidden && [more, document.body].includes(document.activeElement)) gallery.children[shown]?.firstElementChild.focus();
  }

  #showProblem(problem, retry) {
    const { historyProblem } = this.#parts;
    historyProblem.replaceChildren(...(problem ? [problemNotice(problem, retry)] : []));
    historyProblem.firstElementChild?.scrollIntoView({ block: "nearest" });
  }

  #refresh() {
    this.#collection.reset();
    return this.#show(this.#most);
  }

  #card(record) {
    const image = picture(record);
    this.#collection.image(record).then(
      ({ url }) => (image.src = url),
      (problem) => (ignoreProblem(problem), (image.src = seenUrl(record))),
    );
    const button = element(
      "button",
      { type: "button", "data-outcome": outcome(record), onclick: () => this.#open(record) },
      image,
      element("span", {}, words.card(record)),
    );
    return element("li", {}, button);
  }

  #fillDialog() {
    const { dialog } = this.#parts;
    dialog.append(
      this.#answer.element,
      element(
        "p",
        { class: "actions" },
        element("button", { type: "button", onclick: () => dialog.close() }, texts.answer.close),
        element("button", { type: "button", class: "danger", onclick: () => this.#delete() }, texts.answer.delete),
      ),
    );
    dialog.addEventListener("click", ignoreSecond, { capture: true });
    dialog.addEventListener("close", () => this.#closed());
  }

  /** The image may come late: by then another one was opened, or the view was left, which a dialog would block. */
  async #open(record) {
    const opening = (this.#opening += 1);
    const isWanted = () => opening === this.#opening && this.#parts.gallery.checkVisibility();
    this.#untold = null;
    this.#showProblem(null);
    try {
      const { blob } = await this.#collection.image(record);
      if (isWanted()) this.#openReading(Reading.of(this.#api, record, blob), record);
    } catch (problem) {
      if (isWanted()) this.#showProblem(problem, () => this.#open(record));
    }
  }

  #openReading(reading, record) {
    this.#reading = reading;
    this.#opened = record;
    this.#answer.show(reading);
    this.#place = this.#focused;
    const { dialog } = this.#parts;
    dialog.closedBy = "closerequest"; // and by a press beside it only once that cannot be a second click
    setTimeout(() => (dialog.closedBy = "any"), DOUBLE_CLICK_MS);
    dialog.showModal();
    goOnAt(dialog); // else it would be whatever can be pressed already
  }

  async #delete() {
    const reading = this.#reading;
    if ((await reading.delete()) && reading === this.#reading) this.#parts.dialog.close(); // else it shows another one
  }

  /**
   * Once what was said last is saved the list is made anew, and the keyboard goes on where the image was.
   */
  async #closed() {
    const [reading, opened, told] = [this.#reading, this.#opened, this.#reading.problem];
    if (document.activeElement.matches("body, dialog, dialog *")) this.#parts.gallery.children[this.#place]?.firstElementChild.focus();
    reading.release();
    await reading.settled;
    if (reading.record?.id !== opened.id) this.#collection.forget([opened.id]);
    if (reading.record !== opened) await this.#changed();
    if (reading.problem === told) return;
    this.#untold = reading.problem;
    this.#tellUnsaved();
  }

  /** Where the view was left, on the return. */
  #tellUnsaved() {
    if (!this.#untold || !this.#parts.figures.checkVisibility()) return;
    this.#showProblem(this.#untold);
    this.#parts.historyProblem.firstElementChild.prepend(texts.write.unsaved);
    this.#untold = null;
  }

  get #focused() {
    return [...this.#parts.gallery.children].findIndex((card) => card.contains(document.activeElement));
  }

  async #changed() {
    this.#onChange();
    const cards = this.#parts.gallery.children;
    const place = this.#focused;
    await this.#refresh();
    if (place === -1 || document.activeElement !== document.body) return;
    const { history, status, figures } = this.#parts;
    if (cards.length > 0) cards[Math.min(place, cards.length - 1)].firstElementChild.focus();
    else goOnAt(history.hidden ? figures : status);
  }
}

function outcome(record) {
  if (record.true === null) return "open";
  return record.true === record.predicted ? "right" : "wrong";
}

/** The filter for `true=4&predicted=9`; none for what are no digits. @param {URLSearchParams} parameters */
function pairFilter(parameters) {
  const given = [parameters.get("true"), parameters.get("predicted")];
  if (!given.every((each) => /^[0-9]$/.test(each))) return {};
  const [digit, predicted] = given.map(Number);
  return { pair: (record) => record.true === digit && record.predicted === predicted };
}
