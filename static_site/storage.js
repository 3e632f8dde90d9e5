/** What the page keeps from visit to visit; only as long as it is open where the browser's storage is full or blocked. */

export class PageStorage {
  #browser = browserStorage();
  #memory = /** @type {Map<string, string>} */ (new Map()); // what the browser does not take

  /** @param {string} key @returns {string | null} */
  get(key) {
    return this.#memory.get(key) ?? this.#browser?.getItem(key) ?? null;
  }

  /** @param {string} key @param {string} value */
  set(key, value) {
    this.#memory.set(key, value);
    if (this.#isWritten(key, value)) this.#memory.delete(key);
  }

  /** @param {string} key */
  remove(key) {
    this.#memory.delete(key);
    this.#browser?.removeItem(key);
  }

  /** Is this there at the next visit too? @param {string} key */
  lasts(key) {
    return !this.#memory.has(key);
  }

  #isWritten(key, value) {
    try {
      this.#browser?.setItem(key, value);
      return this.#browser !== undefined;
    } catch {
      return false; // it is full
    }
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
