/**
 * The writer's token: a random secret that this browser makes and keeps. Whoever holds it is the writer;
 * there is no account behind it, so it can be exported, brought to another browser, and forgotten.
 */

const STORAGE_KEY = "legible-token";
const TOKEN_BYTES = 32;
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/; // 32 bytes as base64url without padding (RFC 4648, section 5)

export class Writer {
  #storage;
  #token = /** @type {string | undefined} */ (undefined);

  constructor(storage) {
    this.#storage = storage;
    this.#takeOver();
  }

  /** The token, made on first use. @returns {string} */
  get token() {
    this.#token ??= this.#kept() ?? this.#keep(randomToken());
    return this.#token;
  }

  /** Is the token there after this visit? */
  get lasts() {
    return this.#storage.lasts(STORAGE_KEY);
  }

  /** Another tab has brought another token, or forgotten this one. */
  get isReplaced() {
    return this.#token !== undefined && this.#kept() !== this.#token;
  }

  /** The token in an exported text, or null when that is none. @param {string} text */
  static tokenIn(text) {
    const token = text.trim();
    return TOKEN_PATTERN.test(token) ? token : null;
  }

  /** Be the writer of an exported token after a reload; what is sent until then is the last one's. */
  become(token) {
    this.#keep(token);
    if (!this.lasts) history.replaceState({ token }, "");
  }

  /** Drop the token. After a reload the next use makes a new one: to the server, a new person. */
  forget() {
    this.#storage.remove(STORAGE_KEY);
  }

  /** What `become` left for this one reload, where the storage takes nothing. */
  #takeOver() {
    const token = history.state?.token;
    if (!token) return;
    history.replaceState(null, "");
    this.#token = this.#keep(token);
  }

  #kept() {
    const token = this.#storage.get(STORAGE_KEY);
    return token && TOKEN_PATTERN.test(token) ? token : undefined;
  }

  #keep(token) {
    this.#storage.set(STORAGE_KEY, token);
    return token;
  }
}

/** 256 random bits as base64url. `crypto.randomUUID` is missing where the page is served without TLS. */
export function randomToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
