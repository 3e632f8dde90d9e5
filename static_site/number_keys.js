/** Whether the keys 0 to 9 say which digit it was: one choice for all answers of the page (WCAG 2.1.4). */

const STORAGE_KEY = "legible-number-keys";

/** Events: `change`. */
export class NumberKeys extends EventTarget {
  #storage;
  #on;

  /** @param {import("./storage.js").PageStorage} storage keeps the choice from visit to visit */
  constructor(storage) {
    super();
    this.#storage = storage;
    this.#on = storage.get(STORAGE_KEY) !== "off";
  }

  get on() {
    return this.#on;
  }

  set on(on) {
    this.#on = on;
    this.#storage.set(STORAGE_KEY, on ? "on" : "off");
    this.dispatchEvent(new Event("change"));
  }
}
