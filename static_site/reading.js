/** One image on its way to an answer, and what became of it. */

import { Problem, ignoreProblem } from "./api.js";
import { randomToken } from "./writer.js";

/**
 * Events: `change`. The states are
 * `sending` → `classified`, or `sending` → `pending` → `classified`; `failed` from the first two, and `gone` from
 * the last two once the record was deleted, in another view or another window.
 */
export class Reading extends EventTarget {
  state = /** @type {"sending" | "pending" | "classified" | "failed" | "gone"} */ ("sending");
  record = /** @type {import("./api.js").Classification | null} */ (null);
  /** Why it failed, or why the last label could not be saved. */
  problem = /** @type {Problem | null} */ (null);
  #api;
  #idempotencyKey = randomToken();
  #saved = Promise.resolve(true);
  #unwanted = false;
  #left = new AbortController();

  /**
   * @param {import("./api.js").Api} api
   * @param {Blob} image
   * @param {string} [name] the file's, for a person to tell several apart
   */
  constructor(api, image, name = "") {
    super();
    this.#api = api;
    this.image = image;
    this.name = name;
    this.imageUrl = URL.createObjectURL(image);
  }

  /** A reading that was made before. */
  static of(api, record, image) {
    const reading = new Reading(api, image);
    reading.#follow(Promise.resolve(record));
    return reading;
  }

  /** The true digit, null when nobody has said it. A digit on its way to the server counts. */
  get trueDigit() {
    return this.record?.true ?? null;
  }

  /** Send the image; after a failure again, as the same request. Never throws: `state` and `problem` tell. */
  async send() {
    this.#set({ state: "sending", problem: null });
    await this.#follow(this.#api.classify(this.image, this.#idempotencyKey));
  }

  /** Say which digit it was. Shown at once, taken back when it cannot be saved. @returns {Promise<boolean>} saved? */
  label(digit) {
    const before = this.record;
    this.#set({ record: { ...before, true: digit }, problem: null });
    this.#saved = this.#saved.then(() => this.#save(digit, before)); // in turn: the last one said is the last one kept
    return this.#saved;
  }

  /**
   * Take a label back: the API knows corrections only, so the image is sent once more and the labelled record
   * deleted, in this order: a failure between the two loses nothing.
   */
  async unlabel() {
    const labelled = this.record;
    this.#idempotencyKey = randomToken();
    await this.send();
    if (this.state === "failed") this.#set({ state: "classified", record: labelled });
    else await this.#api.remove(labelled.id).catch(ignoreProblem);
  }

  /** @returns {Promise<boolean>} deleted? */
  async delete() {
    try {
      if (this.state !== "gone") await this.#api.remove(this.record.id);
      return true;
    } catch (problem) {
      this.#failed(problem, {});
      return false;
    }
  }

  /** Nobody wants this answer any more: delete its record now, or as soon as it comes. */
  discard() {
    this.#unwanted = true;
    this.release();
    if (this.record) this.#remove();
  }

  /** Nobody looks at it any more: free the image's memory and stop waiting for the model. */
  release() {
    this.#left.abort();
    URL.revokeObjectURL(this.imageUrl);
  }

  /**
   * Take the record when it comes. A pending one is followed on, but not waited for: that takes as long as the
   * model is away.
   * @param {Promise<import("./api.js").Classification>} record
   */
  async #follow(record) {
    try {
      this.#became(await record);
    } catch (problem) {
      const isGone = problem.status === 404 && this.state === "pending";
      return isGone ? this.#gone() : this.#failed(problem, { state: "failed" });
    }
    if (this.#unwanted) await this.#remove();
    else if (this.state === "pending" && !this.#left.signal.aborted) {
      this.#follow(this.#api.completed(this.record, this.#left.signal));
    }
  }

  async #save(digit, before) {
    try {
      const record = await this.#api.label(before.id, digit);
      if (this.trueDigit === digit) this.#set({ record }); // else another one has been said meanwhile
      return true;
    } catch (problem) {
      if (problem.status === 404) this.#gone();
      else this.#failed(problem, { record: before });
      return false;
    }
  }

  async #remove() {
    await this.#api.remove(this.record.id).catch(ignoreProblem); // else it stays in the history, unlabelled
  }

  #became(record) {
    this.#set({ record, state: record.status });
  }

  #gone() {
    this.#set({ state: "gone", record: null, problem: null });
  }

  #failed(problem, change) {
    if (!(problem instanceof Problem)) throw problem;
    this.#set({ ...change, problem });
  }

  #set(change) {
    Object.assign(this, change);
    this.dispatchEvent(new Event("change"));
  }
}
