/** The API over HTTP: one method per call, one error type. */

const TIMEOUT_MS = 35_000; // the gateway before the API gives up after 29 s; wait for its answer
const BYTES_PER_MS = 3; // of a bad mobile link, 160 kbit/s, that six share: an image gets that time on top
const ATTEMPTS = 3;
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 5_000;
const PENDING_MS = [1_000, 2_000, 4_000, 8_000]; // between looks at a pending record; the last one repeats
const LARGEST_IMAGE = 4_500_000; // bytes: for more the gateway answers 500, which looks temporary
const LOOKS_AT_A_TIME = 3; // at pending records: each lasts as long as the API waits for the model
const PAGE_SIZE = 100; // the most that one GET /classifications gives
const DIGIT_AT_LEAST = 0.5; // is_digit below this: the model saw no digit
const TEMPORARY = new Set([429, 500, 502, 503, 504]); // 500 is API Gateway's, where Lambda has no room for one more

/**
 * @typedef {object} Classification  a record of the API
 * @property {string} id
 * @property {"classified" | "pending"} status  a pending one has none of the answer's fields yet
 * @property {string} media_type  of the image
 * @property {number} size  of the image, in bytes
 * @property {number} predicted  0 to 9
 * @property {number} confidence  0 to 1
 * @property {number[]} probabilities  ten, 0 to 1
 * @property {number} is_digit  0 to 1
 * @property {string} preprocessed  base64 PNG, 28 × 28
 * @property {Record<string, unknown>} [preprocessing]  what was done to the image
 * @property {number | null} true  0 to 9 once a person has said so
 */

/** Did the model take it for one? @param {Classification} record */
export function isDigit({ is_digit: probability }) {
  return !(probability < DIGIT_AT_LEAST); // an older model does not tell
}

/** What went wrong. `status` is the HTTP status, or 0 when no answer came. */
export class Problem extends Error {
  /** @param {{status: number, title: string, detail?: string, retryMs?: number, timedOut?: boolean}} facts */
  constructor({ status, title, detail = "", retryMs, timedOut = false }) {
    super(detail ? `${title}: ${detail}` : title);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.retryMs = retryMs;
    this.timedOut = timedOut;
  }

  /** Worth sending again at once? A request that timed out has waited long enough. */
  get isTemporary() {
    return (this.status === 0 && !this.timedOut) || TEMPORARY.has(this.status);
  }

  /** The request itself is at fault: the same one can only fail again. */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && this.status !== 429;
  }
}

/** For `catch`, where a problem changes nothing; a mistake of our own still surfaces. */
export function ignoreProblem(error) {
  if (!(error instanceof Problem)) throw error;
}

export class Api {
  #base;
  #writer;
  #fewAtOnce = limited(LOOKS_AT_A_TIME);

  /**
   * @param {string} base address without a slash at its end
   * @param {{token: string}} writer
   */
  constructor(base, writer) {
    this.#base = base;
    this.#writer = writer;
  }

  /** Send an image; the same key makes every retry the same request. @returns {Promise<Classification>} */
  async classify(image, idempotencyKey) {
    if (image.size > LARGEST_IMAGE) throw new Problem({ status: 413, title: "Content Too Large" });
    if (image.size === 0) throw new Problem({ status: 422, title: "" });
    const headers = { "Content-Type": image.type || "application/octet-stream", "Idempotency-Key": idempotencyKey };
    return this.#request("POST", "/classifications", { headers, body: image });
  }

  async classification(id) {
    return this.#request("GET", `/classifications/${id}`);
  }

  /**
   * The record once the model has answered; it may take as long as the model, or the network, is away.
   * @param {Classification} record
   * @param {AbortSignal} [signal]
   */
  async completed(record, signal) {
    for (let look = 0; record.status === "pending" && !signal?.aborted; look++) {
      await pause(PENDING_MS[Math.min(look, PENDING_MS.length - 1)]);
      record = await this.#fewAtOnce(() => this.classification(record.id)).catch((problem) => {
        if (!(problem instanceof Problem) || problem.isFinal) throw problem;
        return record;
      });
    }
    return record;
  }

  async *classifications() {
    let cursor = null;
    do {
      const page = await this.page(cursor);
      yield* page.classifications;
      cursor = page.cursor;
    } while (cursor !== null);
  }

  /**
   * Own records, newest first; `cursor` is the next page's, null where there is none.
   * @param {string | null} cursor null for the first page
   * @returns {Promise<{classifications: Classification[], cursor: string | null}>}
   */
  async page(cursor) {
    const query = new URLSearchParams({ limit: String(PAGE_SIZE), ...(cursor === null ? {} : { cursor }) });
    return this.#request("GET", `/classifications?${query}`);
  }

  /**
   * The bytes as they were sent, or null when they are kept no longer. The gateway harms them unless an image is asked for.
   */
  async image({ id, media_type: type, size }) {
    return unlessMissing(this.#request("GET", `/classifications/${id}/image`, { headers: { Accept: type }, size, as: "blob" }));
  }

  async label(id, digit) {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ true: digit });
    return this.#request("PUT", `/classifications/${id}/label`, { headers, body });
  }

  /** Deleting what is gone already is done, not a problem. */
  async remove(id) {
    await unlessMissing(this.#request("DELETE", `/classifications/${id}`, { as: "text" }));
  }

  async legibility() {
    return this.#request("GET", "/legibility");
  }

  /** The latest report, or null when none has been made yet. */
  async accuracy() {
    return unlessMissing(this.#request("GET", "/accuracy"));
  }

  /**
   * @param {{headers?: object, body?: BodyInit, size?: number, as?: "json" | "blob" | "text"}} [options]
   */
  async #request(method, path, options = {}) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(method, path, options);
      } catch (problem) {
        if (!(problem instanceof Problem) || !problem.isTemporary || attempt === ATTEMPTS) throw problem;
        await pause(problem.retryMs ?? FIRST_RETRY_MS * 2 ** (attempt - 1));
      }
    }
  }

  async #once(method, path, { headers = {}, body = undefined, size = body?.size ?? 0, as = "json" }) {
    const request = {
      method,
      body,
      headers: { Accept: "application/json", Authorization: `Bearer ${this.#writer.token}`, ...headers },
      signal: AbortSignal.timeout(TIMEOUT_MS + size / BYTES_PER_MS), // a label's JSON has no size
    };
    const response = await answered(fetch(this.#base + path, request));
    if (!response.ok) throw await problemOf(response);
    return answered(response[as]());
  }
}

/**
 * An answer, or a part of it. None has come where it breaks off, or where what came is not ours: who has to sign in
 * to a network gets a page.
 * @template T @param {Promise<T>} part @returns {Promise<T>}
 */
function answered(part) {
  return part.catch((error) => {
    throw new Problem({ status: 0, title: "No answer", timedOut: error.name === "TimeoutError" });
  });
}

/** Problem details (RFC 9457), without a title when something between us and the API answered. */
async function problemOf(response) {
  const details = await response.json().catch(() => ({}));
  return new Problem({
    status: response.status,
    title: details.title ?? "",
    detail: details.detail ?? details.message ?? "",
    retryMs: retryMs(response.headers.get("Retry-After")),
  });
}

/** Seconds of a `Retry-After` as bounded milliseconds; undefined for none, or for the form with a date. */
function retryMs(header) {
  return header !== null && /^\d+$/.test(header) ? Math.min(Number(header) * 1000, LONGEST_RETRY_MS) : undefined;
}

/** @template T @param {Promise<T>} answer @returns {Promise<T | null>} */
async function unlessMissing(answer) {
  return answer.catch((problem) => {
    if (problem.status === 404) return null;
    throw problem;
  });
}

/** Runs work as it comes, but no more than so much at once. */
export function limited(most) {
  const waiting = [];
  let running = 0;
  return async (work) => {
    if (running === most) await new Promise((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      if (waiting.length > 0) waiting.shift()(); // takes the place
      else running -= 1;
    }
  };
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
