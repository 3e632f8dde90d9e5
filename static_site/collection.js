/** The writer's own records and images, fetched as far as they are looked at. */

import { ignoreProblem, limited } from "./api.js";
import { seenUrl } from "./elements.js";

/** @typedef {import("./api.js").Classification} Classification */
/** @typedef {{blob: Blob | null, url: string}} Kept  without its bytes, an address of what the model saw of it */

const AT_A_TIME = 6; // images: a new AWS account runs ten functions

export class Collection {
  #api;
  #records = /** @type {Classification[]} */ ([]);
  #cursor = /** @type {string | null} */ (null); // of the next page
  #isWhole = false; // there is none
  #page = /** @type {Promise<void> | null} */ (null); // under way, for all who look
  #images = /** @type {Map<string, Promise<Kept>>} */ (new Map());
  #fewAtOnce = limited(AT_A_TIME);

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
   * @param {{lookBack?: number, isWanted?: () => boolean}} [options] how many of the newest to look at; whether to go on
   * @returns {Promise<Classification[]>}
   */
  async find(matches, most, { lookBack = Infinity, isWanted = () => true } = {}) {
    const found = [];
    for (let i = 0; found.length < most && i < lookBack; i++) {
      // A page may be empty: all of it was deleted.
      while (i >= this.#records.length && !this.#isWhole && isWanted()) await this.#fetchMore();
      if (i >= this.#records.length) break;
      if (matches(this.#records[i])) found.push(this.#records[i]);
    }
    return found;
  }

  /** @param {Classification} record @returns {Promise<Kept>} */
  image(record) {
    if (!this.#images.has(record.id)) this.#images.set(record.id, this.#fetchImage(record));
    return this.#images.get(record.id);
  }

  /** Free the memory of images that were deleted. @param {Iterable<string>} [ids] all of them */
  forget(ids = this.#images.keys()) {
    for (const id of ids) {
      this.#images.get(id)?.then(({ url }) => URL.revokeObjectURL(url), ignoreProblem);
      this.#images.delete(id);
    }
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
      const blob = await this.#fewAtOnce(() => this.#api.image(record));
      return { blob, url: blob ? URL.createObjectURL(blob) : seenUrl(record) };
    } catch (problem) {
      this.#images.delete(record.id); // so that the next look tries again
      throw problem;
    }
  }
}
