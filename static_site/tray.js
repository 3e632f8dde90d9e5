/** The files a person brought: read a few at a time, shown as a row, one of them picked. */

import { element, goOnAt, seenUrl } from "./elements.js";
import { askAlsoIf, guarded } from "./leaving.js";
import { Reading } from "./reading.js";
import { texts } from "./texts.js";

const AT_A_TIME = 3; // browsers open six connections to one host, and the drawing needs one
const ACCEPTED = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/x-ms-bmp", "image/tiff"]; // by the API
const LARGEST_UPLOAD = 3_500_000; // bytes; the API takes 4.5 MB
const MAYBE_AN_IMAGE = /^(image\/.*)?$/; // without a known ending a file has no type, and may be anything
const OPAQUE = ["image/jpeg", "image/bmp", "image/x-ms-bmp", "image/heic"]; // the others may have transparency to lose
const LARGEST_OPAQUE = 500_000; // bytes: half a minute where the uplink is bad
const SHRUNK_SIDE = 2_000; // px, of a file that is larger

export class Tray {
  #list;
  #status;
  #retry;
  #api;
  #onPick;
  #readings = /** @type {Reading[]} */ ([]);
  #waiting = /** @type {Reading[]} */ ([]);
  #workers = 0;
  #others = 0; // files that were no images

  /** @param {(reading: Reading) => void} onPick */
  constructor(list, status, api, onPick) {
    this.#list = list;
    this.#status = status;
    this.#api = api;
    this.#onPick = onPick;
    this.#retry = element("button", { type: "button", hidden: true, onclick: () => this.#retryPressed() }, texts.write.retryFailed);
    status.after(this.#retry);
    addEventListener("online", () => this.#retryFailed());
    askAlsoIf(() => this.#failed.length > 0); // they are sent again once there is a connection
  }

  /** Take the images among these files; the first of them is picked. @param {File[]} files */
  add(files) {
    if (files.length === 0) return; // text was pasted, or the choice was cancelled
    const images = files.filter((file) => MAYBE_AN_IMAGE.test(file.type) && file.size > 0);
    this.#others = files.length - images.length;
    if (images.length === 0) return (this.#status.textContent = texts.write.noImages); // read out each time
    const readings = images.map((file) => new Reading(this.#api, file, file.name));
    this.#readings.push(...readings);
    this.#list.prepend(...readings.map((reading) => this.#item(reading)));
    this.#list.hidden = false;
    this.unpick();
    this.#list.firstElementChild.firstElementChild.click();
    this.#send(readings);
  }

  /** Take everything away, also what is still on its way. */
  discard() {
    for (const reading of this.#readings) reading.discard();
    this.#readings = [];
    this.#waiting = [];
    this.#list.replaceChildren();
    this.#list.hidden = true;
    this.#tellProgress();
  }

  /** None of them is shown any more. */
  unpick() {
    this.#list.querySelector("[aria-pressed=true]")?.setAttribute("aria-pressed", "false");
  }

  #send(readings) {
    this.#waiting.push(...readings);
    while (this.#workers < AT_A_TIME && this.#waiting.length > 0) guarded(this.#work());
  }

  async #work() {
    this.#workers += 1;
    while (this.#waiting.length > 0) await this.#read(this.#waiting.shift());
    this.#workers -= 1;
    this.#tellProgress();
  }

  #retryPressed() {
    goOnAt(this.#status);
    this.#retryFailed();
  }

  #retryFailed() {
    this.#send(this.#failed.filter((reading) => !this.#waiting.includes(reading)));
  }

  get #failed() {
    return this.#readings.filter((reading) => reading.canRetry);
  }

  /**
   * Made smaller only now: decoded, a photo takes 50 MB, and there may be many. What was made smaller is no file any
   * more, and goes as it is when it is tried again: the same request has the same bytes.
   */
  async #read(reading) {
    const file = reading.image;
    if (file instanceof File) reading.image = await fitted(file).catch(() => copied(file)).catch(() => new Blob());
    await reading.send();
  }

  #item(reading) {
    const answer = element("span");
    const image = element("img", { src: reading.imageUrl, alt: "", loading: "lazy" });
    const button = element(
      "button",
      { type: "button", "aria-pressed": "false", onclick: () => this.#pick(button, reading) },
      image,
      element("span", { class: "name" }, reading.name),
      answer,
    );
    const render = () => {
      button.dataset.state = reading.state;
      answer.textContent = texts.write.trayItem(reading);
      this.#tellProgress();
    };
    const showSeen = () => (image.src = seenUrl(reading.record));
    image.addEventListener(
      "error", // a TIFF, or no image at all
      () => {
        reading.addEventListener("change", showSeen);
        showSeen();
      },
      { once: true },
    );
    reading.addEventListener("change", render);
    render();
    return element("li", {}, button);
  }

  #pick(button, reading) {
    this.unpick();
    button.setAttribute("aria-pressed", "true");
    this.#onPick(reading);
  }

  #tellProgress() {
    this.#retry.hidden = this.#workers > 0 || this.#failed.length === 0;
    if (this.#readings.length === 0) return this.#say("");
    const number = (...states) => this.#readings.filter(({ state }) => states.includes(state)).length;
    this.#say(texts.write.progress(number("classified"), number("failed"), number("sending", "pending"), this.#others));
  }

  #say(text) {
    if (this.#status.textContent !== text) this.#status.textContent = text; // written again, it would be read out again
  }
}

/**
 * What takes long to send, or is of a kind that only browsers read, becomes a JPEG or, where ink may be on nothing, a
 * WebP, the way up that its EXIF data says. What the browser cannot decode goes as it is: the API says what is wrong.
 */
async function fitted(file) {
  const isAccepted = file.type === "" || ACCEPTED.includes(file.type); // the API looks at the content
  const isOpaque = OPAQUE.includes(file.type);
  if (isAccepted && file.size <= (isOpaque ? LARGEST_OPAQUE : LARGEST_UPLOAD)) return copied(file);
  const bitmap = await createImageBitmap(file);
  const type = isOpaque ? "image/jpeg" : "image/webp"; // a browser that writes no WebP makes it a PNG
  const smaller = await encoded(bitmap, type).finally(() => bitmap.close()); // its memory
  return isAccepted && file.size <= smaller.size ? copied(file) : smaller;
}

/** The file itself may be gone when it is tried again. */
async function copied(file) {
  return new Blob([await file.arrayBuffer()], file);
}

async function encoded(bitmap, type, longest = SHRUNK_SIDE) {
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const side = (length) => Math.max(1, Math.round(length * scale));
  const canvas = new OffscreenCanvas(side(bitmap.width), side(bitmap.height));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await canvas.convertToBlob({ type, quality: 0.9 });
  return blob.size > LARGEST_UPLOAD ? encoded(bitmap, type, longest / 2) : blob;
}
