/** The writer's own records and images, fetched as far as they are looked at. */

/** @typedef {import("./api.js").Classification} Classification */

export class Collection {
  #api;
  #records = /** @type {Classification[]} */ ([]);
  #rest = /** @type {AsyncGenerator<Classification> | null} */ (null);
  #images = /** @type {Map<string, Promise<{blob: Blob, url: string}>>} */ (new Map());

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.#api = api;
    this.reset();
  }

  /** Fetch the records afresh: some were added, changed or deleted. An id's image stays as it is. */
  reset() {
    this.#records = [];
    this.#rest = this.#api.classifications();
  }

  /**
   * The newest records that match, fetching until there are enough or no more.
   * @param {(record: Classification) => boolean} matches
   * @param {number} most
   * @param {number} [lookBack] at how many of the newest records to look
   * @returns {Promise<Classification[]>}
   */
  async find(matches, most, lookBack = Infinity) {
    const found = [];
    for (let i = 0; found.length < most && i < lookBack; i++) {
      if (i >= this.#records.length) await this.#fetchNext();
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

  async #fetchNext() {
    const rest = this.#rest;
    const { value, done } = await rest.next();
    if (!done && rest === this.#rest) this.#records.push(value); // else it was reset meanwhile
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
