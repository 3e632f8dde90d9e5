/** One image on its way to an answer, and what became of it. */

import { Problem, ignoreProblem } from "./api.js";
import { guarded } from "./leaving.js";
import { randomToken } from "./writer.js";

const changes = new Set(); // of all readings, under way
const successors = new Map(); // ids: of a record whose label was undone, of the one that stands for it since

/** What a person said of any image is saved, or could not be. */
export function saved() {
  return Promise.allSettled(changes);
}

/**
 * Events: `change`. `sending` leads to `classified`, at once or by `pending`; or to `failed`, as `pending` does where the
 * model refuses the image. Trying again and undoing a first label lead back to `sending`. `gone` is what was deleted,
 * here, in another view or another window.
 */
export class Reading extends EventTarget {
  state = /** @type {"sending" | "pending" | "classified" | "failed" | "gone"} */ ("sending");
  record = /** @type {import("./api.js").Classification | null} */ (null);
  /** Why it failed, or why the last label could not be saved. */
  problem = /** @type {Problem | null} */ (null);
  #api;
  #idempotencyKey = randomToken();
  #kept = /** @type {import("./api.js").Classification | null} */ (null); // the record as the server has it
  #lastChange = /** @type {Promise<unknown>} */ (Promise.resolve());
  #unwanted = false;
  #left = new AbortController();

  /**
   * @param {Blob | null} image null where it is kept no longer
   * @param {string} [name] the file's, for a person to tell several apart
   */
  constructor(api, image, name = "") {
    super();
    this.#api = api;
    this.image = image;
    this.name = name;
    this.imageUrl = image && URL.createObjectURL(image);
  }

  /** A reading that was made before. */
  static of(api, record, image) {
    const reading = new Reading(api, image);
    reading.#follow(Promise.resolve(record));
    return reading;
  }

  /** The true digit, null when nobody has said it, or takes it back. One on its way to the server counts. */
  get trueDigit() {
    return this.state === "sending" ? null : (this.record?.true ?? null);
  }

  /** It failed, and may come through another time. */
  get canRetry() {
    return this.state === "failed" && !this.problem.isFinal;
  }

  /** The record's; another one's once its label was undone in another view. */
  get #id() {
    let { id } = this.#kept;
    while (successors.has(id)) id = successors.get(id);
    return id;
  }

  /** What was asked for last has been done, or has failed. */
  get settled() {
    return this.#lastChange;
  }

  /** Send the image; after a failure again, as the same request. Never throws: `state` and `problem` tell. */
  async send() {
    if (this.#unwanted || this.record || this.state === "gone") return;
    this.#set({ state: "sending", problem: null });
    await guarded(this.#follow(this.#api.classify(this.image, this.#idempotencyKey)));
  }

  /** Say which digit it was. Shown at once, taken back when it cannot be saved. @returns {Promise<boolean>} saved? */
  label(digit) {
    this.#set({ record: { ...this.record, true: digit }, problem: null });
    return this.#change(() => this.#save(digit));
  }

  /** Take a label back. Until that is done no other can be given. */
  unlabel() {
    this.#set({ state: "sending", problem: null });
    return this.#change(() => this.#sendAnew());
  }

  /** Take what was said or done elsewhere, in another view or another window. What cannot be had stays as it was. */
  refresh() {
    return this.#inTurn(() => this.#refresh());
  }

  /** @returns {Promise<boolean>} deleted? */
  delete() {
    return this.#change(() => this.#delete());
  }

  /** Nobody wants this answer any more: delete its record now, or as soon as it comes, unless somebody labelled it. */
  discard() {
    this.#unwanted = true;
    this.release();
    if (this.#kept) saved().then(() => this.#remove());
  }

  /** Nobody looks at it any more: free the image's memory and stop waiting for the model. */
  release() {
    this.#left.abort();
    URL.revokeObjectURL(this.imageUrl);
  }

  /** What a person said. @template T @param {() => Promise<T>} change @returns {Promise<T>} */
  #change(change) {
    const saving = guarded(this.#inTurn(change));
    changes.add(saving);
    return saving.finally(() => changes.delete(saving));
  }

  /** One change after another: what was said last is what is kept. */
  #inTurn(change) {
    return (this.#lastChange = this.#lastChange.then(change));
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
      const isGone = problem.status === 404 && this.#kept?.status === "pending";
      return isGone ? this.#gone() : this.#failed(problem, { state: "failed", record: null });
    }
    if (this.#unwanted) await this.#remove();
    else if (this.state === "pending" && !this.#left.signal.aborted) {
      this.#follow(this.#api.completed(this.record, this.#left.signal));
    }
  }

  async #save(digit) {
    const isLast = () => this.trueDigit === digit; // else another one has been said meanwhile, and is shown
    try {
      this.#kept = await this.#api.label(this.#id, digit);
      if (isLast()) this.#set({ record: this.#kept });
      return true;
    } catch (problem) {
      if (problem.status === 404) this.#gone();
      else if (isLast()) this.#failed(problem, { record: this.#kept });
      else ignoreProblem(problem);
      return false;
    }
  }

  /**
   * The API knows corrections only, so the image is sent once more and then the labelled record deleted. A failure
   * between the two loses nothing: the label stands, and the next try is answered by the same second record.
   */
  async #sendAnew() {
    if (this.state === "gone") return;
    const [labelled, id] = [this.#kept, this.#id];
    try {
      const afresh = await this.#api.classify(this.image, `undo-${id}`);
      await this.#api.remove(id);
      successors.set(id, afresh.id);
      [this.#kept, this.problem] = [afresh, null];
    } catch (problem) {
      return this.#failed(problem, { state: "classified", record: labelled });
    }
    await this.#follow(Promise.resolve(this.#kept));
  }

  async #delete() {
    try {
      if (this.state !== "gone") await this.#api.remove(this.#id);
      this.#gone();
      return true;
    } catch (problem) {
      this.#failed(problem, {});
      return false;
    }
  }

  async #refresh() {
    if (this.state !== "classified") return;
    try {
      const record = await this.#api.classification(this.#id);
      if (this.state !== "classified" || this.record !== this.#kept) return; // a label is given or undone here
      await this.#follow(Promise.resolve(record));
    } catch (problem) {
      if (problem.status === 404) this.#gone();
      else ignoreProblem(problem);
    }
  }

  async #remove() {
    try {
      const id = this.#id;
      if ((await this.#api.classification(id)).true === null) await this.#api.remove(id);
    } catch (problem) {
      ignoreProblem(problem); // then it stays in the history, unlabelled
    }
  }

  /** A label that could not be saved is no problem once another was given elsewhere. */
  #became(record) {
    const problem = record.true === this.#kept?.true ? this.problem : null;
    this.#kept = record;
    this.#set({ record, state: record.status, problem });
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
