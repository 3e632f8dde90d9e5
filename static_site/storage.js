/** What the page keeps from visit to visit; as long as it is open where storage is full or blocked. */

const NUMBER_KEYS = "legible-number-keys";

export class PageStorage {
  #browser = browserStorage();
  #memory = /** @type {Map<string, string>} */ (new Map()); // what the browser does not take

  get(key) {
    return this.#memory.get(key) ?? this.#browser?.getItem(key) ?? null;
  }

  set(key, value) {
    this.#memory.set(key, value);
    try {
      this.#browser.setItem(key, value);
      this.#memory.delete(key);
    } catch {} // full, or blocked
  }

  remove(key) {
    this.#memory.delete(key);
    this.#browser?.removeItem(key);
  }

  /** Is this there at the next visit too? */
  lasts(key) {
    return !this.#memory.has(key);
  }
}

/** Whether the keys 0 to 9 say which digit it was: one choice for all answers (WCAG 2.1.4). Events: `change`, in any tab. */
export class NumberKeys extends EventTarget {
  #storage;

  constructor(storage) {
    super();
    this.#storage = storage;
    addEventListener("storage", () => this.#changed()); // told of other tabs only
  }

  get on() {
    return this.#storage.get(NUMBER_KEYS) !== "off";
  }

  set on(on) {
    this.#storage.set(NUMBER_KEYS, on ? "on" : "off");
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Nothing where the person blocks it, or where a program that shows pages has none. */
function browserStorage() {
  try {
    return window.localStorage ?? undefined;
  } catch {
    return undefined;
  }
}
