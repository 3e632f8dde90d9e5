/** The view of one's own data: a copy of it, its deletion, and the key that ties it to a person. */

import { element, goOnAt, ignoreSecond, parts, problemNotice } from "./elements.js";
import { guarded, reload } from "./leaving.js";
import { saved } from "./reading.js";
import { texts } from "./texts.js";
import { Writer } from "./writer.js";

const SAVING_MS = 60_000; // Safari reads what it saves some time after the click
const words = texts.data;

export class DataView {
  #api;
  #writer;
  #discard;
  #parts;
  #images = /** @type {Map<string, Blob>} */ (new Map()); // for a copy that is not whole yet

  /** @param {() => void} discard what the other views hold, also what is still on its way to the API */
  constructor(root, api, writer, discard) {
    this.#api = api;
    this.#writer = writer;
    this.#discard = discard;
    this.#parts = parts(root);
    this.#connectCopy();
    this.#connectKey();
    this.#parts.confirm.addEventListener("click", ignoreSecond, { capture: true });
  }

  show() {
    const begins = words.begins(this.#writer.token.slice(0, 4));
    this.#parts.keyStatus.textContent = this.#writer.lasts ? begins : `${begins} ${words.passing}`;
  }

  get isBusy() {
    return this.#parts.deleteAll.disabled;
  }

  #connectCopy() {
    const { download, deleteAll } = this.#parts;
    download.addEventListener("click", () => this.#run(() => this.#download()));
    deleteAll.addEventListener("click", async () => {
      if (await this.#confirmed(words.confirmDelete)) this.#run(() => this.#deleteAll());
    });
  }

  #connectKey() {
    const { importFile, importForm, importText, forget } = this.#parts;
    this.#parts.export.addEventListener("click", () => save([this.#writer.token], "text/plain", words.exportName));
    importFile.addEventListener("change", async () => {
      const [file] = importFile.files;
      importFile.value = ""; // else the same file could not be chosen again
      if (file) this.#import(await file.text());
    });
    importForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#import(importText.value);
    });
    forget.addEventListener("click", async () => {
      if (!(await this.#confirmed(words.confirmForget))) return;
      this.#writer.forget();
      reload();
    });
  }

  async #import(text) {
    const token = Writer.tokenIn(text);
    if (token === null) return (this.#parts.keyStatus.textContent = words.importFailed);
    if (token === this.#writer.token) return this.show();
    if (!(await this.#confirmed(words.confirmImport))) return;
    this.#writer.become(token);
    reload();
  }

  /** In pieces, which the browser can put on disk: all images as one text are longer than a text may be. */
  async #download() {
    const copies = [];
    for await (const record of this.#api.classifications()) {
      const known = JSON.stringify(record, null, 2).slice(0, -2); // without its end
      copies.push(new Blob([copies.length === 0 ? "" : ",\n", known, ',\n  "image": ', await this.#image(record), "\n}"]));
      this.#say(words.downloading(copies.length));
    }
    const legibility = JSON.stringify(await this.#api.legibility(), null, 2);
    const whole = [`{"legibility": ${legibility},\n"classifications": [\n`, ...copies, "\n]}"];
    save(whole, "application/json", words.downloadName);
    this.#images.clear();
    this.#say(words.downloaded(copies.length));
  }

  /** As JSON. Where the connection fails, what was fetched before is there when it is tried again. */
  async #image(record) {
    if (!this.#images.has(record.id)) {
      const image = await this.#api.image(record);
      this.#images.set(record.id, new Blob([JSON.stringify(image && (await dataUrl(image)))]));
    }
    return this.#images.get(record.id);
  }

  async #deleteAll() {
    this.#discard();
    this.#images.clear();
    await saved(); // undoing a label makes a record
    const ids = [];
    for await (const { id } of this.#api.classifications()) ids.push(id);
    for (const [gone, id] of ids.entries()) {
      this.#say(words.deleting(gone));
      await this.#api.remove(id);
    }
    this.#say(words.deleted(ids.length));
  }

  /** Run what takes long: not twice at once, nor with another key, and with its problem shown. */
  async #run(action) {
    const { download, deleteAll, importFile, importForm, forget, copyStatus, copyProblem } = this.#parts;
    const buttons = [download, deleteAll, importFile, ...importForm.elements, forget];
    const pressed = document.activeElement;
    goOnAt(copyStatus);
    for (const button of buttons) button.disabled = true;
    copyProblem.replaceChildren();
    try {
      await guarded(action());
    } catch (problem) {
      copyProblem.replaceChildren(problemNotice(problem, () => this.#run(action)));
    } finally {
      for (const button of buttons) button.disabled = false; // also after a mistake of ours
      if (document.activeElement === copyStatus) pressed.focus();
      dispatchEvent(new Event("storage")); // another tab's had to wait
    }
  }

  #say(text) {
    this.#parts.copyStatus.textContent = text;
  }

  /** @returns {Promise<boolean>} */
  #confirmed(question) {
    const { confirm, confirmText } = this.#parts;
    confirmText.textContent = question;
    confirm.returnValue = "";
    confirm.showModal();
    return new Promise((resolve) => {
      confirm.addEventListener("close", () => resolve(confirm.returnValue === "yes"), { once: true });
    });
  }
}

function save(pieces, type, name) {
  const url = URL.createObjectURL(new Blob(pieces, { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), SAVING_MS);
}

function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
