/** The writer's own records and images, fetched as far as they are looked at. */

/** @typedef {import("./api.js").Classification} Classification */

export class Collection {
  #api;
  #records = /** @type {Classification[]} */ ([]);
  #cursor = /** @type {string | null} */ (null); // of the next page
  #isWhole = false; // there is none
  #page = /** @type {Promise<void> | null} */ (null); // under way, for all who look
  #images = /** @type {Map<string, Promise<{blob: Blob, url: string}>>} */ (new Map());

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.#api = api;
    this.reset();
  }

  /** Fetch the records afresh: some were added, changed or deleted. An id's image stays as it is. */
  reset() {
    this.#records = [];
    this.#cursor = null;
    this.#isWhole = false;
    this.#page = null;
  }

  /**
   * The newest records that match, fetching until there are enough or no more. After a problem the next look goes on
   * from where this one failed.
   * @param {(record: Classification) => boolean} matches
   * @param {number} most
   * @param {number} [lookBack] at how many of the newest records to look
   * @returns {Promise<Classification[]>}
   */
  async find(matches, most, lookBack = Infinity) {
    const found = [];
    for (let i = 0; found.length < most && i < lookBack; i++) {
      while (i >= this.#records.length && !this.#isWhole) await this.#fetchMore(); // a page may be empty: all deleted
      if (i >= this.#records.length) break;
      if (matches(this.#records[i])) found.push(this.#records[i]);
    }
    return found;
  }

  /** @param {Classification} record @returns {Promise<{blob: Blob, url: string}>} */
  image(record) {
    if (!this.#images.has(record.id)) this.#images.set(record.id, this.#fetchImage(record));
    return this.#images.get(record.id);
  }

  async #fetchMore() {
    const page = (this.#page ??= this.#fetchPage());
    try {
      await page;
    } finally {
      if (page === this.#page) this.#page = null; // else it was reset meanwhile
    }
  }

  async #fetchPage() {
    const records = this.#records;
    const { classifications, cursor } = await this.#api.page(this.#cursor);
    records.push(...classifications);
    if (records !== this.#records) return; // it was reset meanwhile
    this.#cursor = cursor;
    this.#isWhole = cursor === null;
  }

  async #fetchImage(record) {
    try {
      const blob = await this.#api.image(record);
      return { blob, url: URL.createObjectURL(blob) };
    } catch (problem) {
      this.#images.delete(record.id); // so that the next look tries again
      throw problem;
    }
  }
}
