/** The view that takes drawings and files, and shows the answers. */

import { Answer } from "./answer.js";
import { element, goOnAt, parts } from "./elements.js";
import { askAlsoIf } from "./leaving.js";
import { Pad } from "./pad.js";
import { Reading, saved } from "./reading.js";
import { texts } from "./texts.js";
import { Tray } from "./tray.js";

const PAUSE_MS = 600; // between two strokes of a 4 or a 5; longer, and the pen was put down

export class WriteView {
  #root;
  #api;
  #parts;
  #answer;
  #tray;
  #pad;
  #drawing = /** @type {Reading | null} */ (null); // the answer to what is on the pad, or on its way
  #strokes = /** @type {object[]} */ ([]); // that it is the answer to
  #shown = /** @type {Reading | null} */ (null); // this one, or a file's
  #cleared = /** @type {Map<object[], Reading>} */ (new Map()); // by their strokes: what undoing brings back
  #pause = 0; // the timer of a drawing that is still to be read
  #hasBegunAnew = false; // with this stroke

  constructor(root, api, numberKeys) {
    this.#root = root;
    this.#api = api;
    this.#parts = parts(root);
    this.#answer = new Answer(api, numberKeys);
    this.#parts.answer.replaceWith(this.#answer.element);
    this.#pad = new Pad(this.#parts.canvas);
    this.#tray = new Tray(this.#parts.tray, this.#parts.status, api, (reading) => this.#showPicked(reading));
    this.#connectPad();
    this.#connectFiles();
    addEventListener("online", () => this.#drawing?.canRetry && this.#drawing.send());
    askAlsoIf(() => this.#drawing?.canRetry);
  }

  /** What was read may have been labelled or deleted in another view. */
  async show() {
    await saved();
    this.#drawing?.refresh();
    if (this.#shown !== this.#drawing) this.#shown?.refresh();
  }

  /** Take everything away, also what is still on its way. */
  discard() {
    this.#tray.discard();
    this.#drawing?.discard();
    for (const reading of this.#cleared.values()) reading.release();
    this.#cleared.clear();
    this.#drawing = null;
    this.#pad.reset();
  }

  #connectPad() {
    const { undo, clear, brush } = this.#parts;
    for (const event of ["focus", "input"]) brush.addEventListener(event, () => (brush.ariaValueText = texts.write.width(brush.value)));
    this.#pad.addEventListener("start", () => this.#beginStroke());
    this.#pad.addEventListener("change", () => this.#drawingChanged());
    this.#pad.addEventListener("drop", () => this.#strokeDropped());
    undo.addEventListener("click", () => this.#undo());
    clear.addEventListener("click", () => this.#pad.canClear && this.#clear());
    document.addEventListener("keydown", (event) => {
      const key = /^[a-z]$/i.test(event.key) ? `Key${event.key}` : event.code; // a Greek one types ζ
      const undoes = /^KeyZ$/i.test(key) && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.repeat;
      if (undoes && this.#isShown && !this.#answer.undo()) this.#undo(); // a label came after the strokes
    });
  }

  /** On a phone the tray is below the answer, by more than a screen. */
  #showPicked(reading) {
    this.#showAnswer(reading);
    reading.refresh();
    this.#answer.element.scrollIntoView({ block: "nearest" });
  }

  /** A labelled drawing that nobody changes is finished: the next stroke begins the next one. */
  #beginStroke() {
    this.#hasBegunAnew = this.#pause === 0 && this.#drawing !== null && this.#drawing.trueDigit !== null;
    if (this.#hasBegunAnew) this.#clear();
    this.#pad.brush = Number(this.#parts.brush.value); // a browser that goes back brings it back, and tells nobody
    clearTimeout(this.#pause);
    this.#answer.stale = true;
  }

  /** The drawing is what it was: its answer holds, unless it is still to be asked for. */
  #strokeDropped() {
    if (this.#hasBegunAnew) this.#undo();
    else if (this.#pause === 0) this.#answer.stale = false;
    else this.#drawingChanged();
  }

  #undo() {
    if (this.#pad.canUndo) this.#pad.undo();
  }

  /**
   * A drawing that was answered stays in the history, and comes back with its answer when the clearing is undone;
   * versions of one drawing replace each other.
   */
  #clear() {
    if (this.#drawing?.record && this.#strokes === this.#pad.strokes) {
      this.#cleared.set(this.#strokes, this.#drawing);
      this.#drawing = null;
    }
    this.#pad.clear();
  }

  #drawingChanged() {
    const { undo, clear, brush } = this.#parts;
    undo.disabled = !this.#pad.canUndo;
    clear.disabled = !this.#pad.canClear;
    if (clear.matches(":focus:disabled")) undo.focus(); // who pressed it by keyboard goes on beside it
    if (undo.matches(":focus:disabled")) brush.focus();
    clearTimeout(this.#pause);
    this.#pause = 0;
    if (this.#pad.isEmpty) this.#answerDrawing(null);
    else if (this.#cleared.has(this.#pad.strokes)) this.#bringBack();
    else this.#waitForPause();
  }

  #bringBack() {
    const reading = this.#cleared.get(this.#pad.strokes);
    this.#cleared.delete(this.#pad.strokes);
    this.#answerDrawing(reading);
    reading.refresh();
  }

  #waitForPause() {
    this.#answer.stale = true;
    this.#pause = setTimeout(() => this.#readDrawing(), PAUSE_MS);
  }

  #readDrawing() {
    this.#pause = 0;
    const reading = new Reading(this.#api, this.#pad.png());
    this.#answerDrawing(reading);
    reading.send();
  }

  /**
   * Each pause makes a record, and the last one is the drawing: the one before is discarded, unless the person
   * has said which digit it was. One that is still under way cannot be called back, so its record is deleted
   * when it comes; it is never shown, however late.
   */
  #answerDrawing(reading) {
    const before = this.#drawing;
    this.#drawing = reading;
    this.#strokes = this.#pad.strokes;
    this.#tray.unpick();
    this.#showAnswer(reading);
    if (before?.trueDigit === null) before.discard();
    else before?.release();
  }

  /** What was said of the one before may be on its way still: should that fail, the new answer does not hide it. */
  async #showAnswer(reading) {
    const before = this.#shown;
    this.#shown = reading;
    this.#answer.show(reading);
    const told = before?.problem;
    await before?.settled;
    const problem = before?.problem;
    if (problem && problem !== told && before !== this.#shown) this.#sayUnsaved(problem);
  }

  #sayUnsaved(problem) {
    const { unsaved } = this.#parts;
    const close = () => {
      goOnAt(unsaved);
      unsaved.replaceChildren();
    };
    unsaved.replaceChildren(
      element(
        "div",
        { class: "notice problem", role: "alert" },
        element("p", {}, element("strong", {}, texts.write.unsaved), " ", texts.write.unsavedNote),
        element("p", {}, texts.problem.title(problem)),
        element("button", { type: "button", onclick: close }, texts.write.unsavedClose),
      ),
    );
  }

  #connectFiles() {
    const { files, camera, drop } = this.#parts;
    for (const input of [files, camera]) {
      input.addEventListener("change", () => {
        this.#tray.add([...input.files]);
        input.value = ""; // else the same file could not be chosen again
      });
    }
    document.addEventListener("paste", (event) => this.#isShown && this.#tray.add([...event.clipboardData.files]));
    document.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return; // text may be dropped into a field
      event.preventDefault(); // else the browser leaves the page for the file
      drop.hidden = !this.#isShown;
    });
    document.addEventListener("dragleave", (event) => (drop.hidden ||= event.relatedTarget === null));
    document.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      drop.hidden = true;
      if (this.#isShown) this.#tray.add(filesOf(event));
    });
  }

  get #isShown() {
    return !this.#root.hidden;
  }
}

/** What was dropped; a folder becomes an empty file, which is no image. */
function filesOf({ dataTransfer }) {
  const items = [...dataTransfer.items].filter(({ kind }) => kind === "file");
  return items.map((item) => (item.webkitGetAsEntry()?.isDirectory ? new File([], "") : item.getAsFile()));
}

function hasFiles({ dataTransfer }) {
  return dataTransfer.types.includes("Files");
}
