/**
 * The writer's token: a random secret that this browser makes and keeps. Whoever holds it is the writer;
 * there is no account behind it, so it can be exported, brought to another browser, and forgotten.
 */

const STORAGE_KEY = "legible-token";
const TOKEN_BYTES = 32;
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/; // 32 bytes as base64url without padding (RFC 4648, section 5)

export class Writer {
  #storage;
  #token;

  /** @param {Storage | undefined} storage where the token lives from visit to visit */
  constructor(storage) {
    this.#storage = storage;
  }

  /** The token, made on first use. @returns {string} */
  get token() {
    this.#token ??= this.#kept() ?? this.#keep(randomToken());
    return this.#token;
  }

  /** The token in an exported text, or null when that is none. @param {string} text */
  static tokenIn(text) {
    const token = text.trim();
    return TOKEN_PATTERN.test(token) ? token : null;
  }

  /** Be the writer of an exported token from now on. @param {string} token */
  become(token) {
    this.#token = this.#keep(token);
  }

  /** Drop the token. The next use makes a new one: to the server, a new person. */
  forget() {
    this.#token = undefined;
    this.#storage?.removeItem(STORAGE_KEY);
  }

  #kept() {
    const token = this.#storage?.getItem(STORAGE_KEY);
    return token && TOKEN_PATTERN.test(token) ? token : undefined;
  }

  /** @param {string} token */
  #keep(token) {
    this.#storage?.setItem(STORAGE_KEY, token);
    return token;
  }
}

/** The browser's storage, or nothing where the person blocks it: the token then lasts as long as the page. */
export function browserStorage() {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

/** 256 random bits as base64url. `crypto.randomUUID` is missing where the page is served without TLS. */
export function randomToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
