/** The drawing surface: pointers in, pixels and PNGs out. */

import { Drawing, extended, segments } from "./strokes.js";

const EXPORT_SIDE = 448; // px: 16 for each of the network's 28, on every screen
const DOT_LENGTH = 0.01; // px: a tap has no length, and canvas paints no line without one
const FLAT_PRESSURE = 0.5; // what a mouse reports; fingers report anything, so they get it as well

/** Events: `start` (a stroke begins), `change` (the drawing is another one now), `drop` (the stroke was none). */
export class Pad extends EventTarget {
  /** How wide it writes, of its side. */
  brush = 0;
  #canvas;
  #drawing = new Drawing();
  #stroke = /** @type {import("./strokes.js").Stroke | null} */ (null);
  #pointer = /** @type {{id: number, type: string} | null} */ (null);
  #frame = 0;

  /** @param {HTMLCanvasElement} canvas square; its CSS colour is the ink, its CSS background the paper */
  constructor(canvas) {
    super();
    this.#canvas = canvas;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#end(event));
    canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
    canvas.addEventListener("touchmove", keepStroke, { passive: false });
    new ResizeObserver(() => this.#redraw()).observe(canvas);
    addEventListener("resize", () => this.#redraw()); // zoomed, it may keep its size and have other pixels
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  /** Another list after every change; the same one again when that is undone. */
  get strokes() {
    return this.#drawing.strokes;
  }

  get isEmpty() {
    return this.#drawing.isEmpty;
  }

  /** Not while a stroke is being drawn: it would go on over what is no longer there. */
  get canUndo() {
    return this.#stroke === null && this.#drawing.canUndo;
  }

  get canClear() {
    return this.#stroke === null && !this.isEmpty;
  }

  undo() {
    this.#drawing.undo();
    this.#changed();
  }

  clear() {
    this.#drawing.clear();
    this.#changed();
  }

  /** Clear it so that nothing can be undone. */
  reset() {
    this.#drawing = new Drawing();
    this.#changed();
  }

  /** What the person sees, ink on paper. @returns {Blob} a PNG */
  png() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = EXPORT_SIDE;
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(this.#canvas).backgroundColor;
    context.fillRect(0, 0, EXPORT_SIDE, EXPORT_SIDE);
    this.#paint(context, EXPORT_SIDE);
    return blobOf(canvas.toDataURL("image/png"));
  }

  #begin(event) {
    if (!this.#isFreeFor(event) || event.button !== 0) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = { id: event.pointerId, type: event.pointerType };
    this.#stroke = null; // a palm's, where a pen takes over
    this.dispatchEvent(new Event("start")); // a listener may clear the pad first, and sets the brush
    this.#stroke = { width: this.brush, points: [] };
    this.#record(event);
  }

  /** One pen at a time: a palm that comes after it writes nothing, and one that came before does not keep it away. */
  #isFreeFor(event) {
    return this.#pointer === null || (event.pointerType === "pen" && this.#pointer.type === "touch");
  }

  #move(event) {
    if (event.pointerId !== this.#pointer?.id) return;
    if (event.buttons === 0) return this.#end(event); // it was lifted where nobody told us, such as over a menu
    // A pen reports more points than there are frames.
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length > 0 ? all : [event]) this.#record(each);
  }

  #end(event) {
    if (event.pointerId !== this.#pointer?.id) return;
    this.#drawing.add(this.#stroke);
    this.#lift();
    this.#changed();
  }

  /** The browser says that it was no stroke: a palm, or a gesture of its own. */
  #cancel(event) {
    if (event.pointerId !== this.#pointer?.id) return;
    this.#lift();
    this.#redraw();
    this.dispatchEvent(new Event("drop"));
  }

  #lift() {
    this.#pointer = null;
    this.#stroke = null;
  }

  #record(event) {
    const box = this.#canvas.getBoundingClientRect();
    this.#stroke = extended(this.#stroke, {
      x: (event.clientX - box.left) / box.width,
      y: (event.clientY - box.top) / box.height,
      pressure: event.pointerType === "pen" ? event.pressure : FLAT_PRESSURE,
    });
    this.#redraw();
  }

  #changed() {
    this.#redraw();
    this.dispatchEvent(new Event("change"));
  }

  /** A drawing is a few hundred curves: painting all of them once a frame is simpler than keeping the old ones. */
  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
      this.#canvas.width = this.#canvas.height = side; // clears it too
      this.#paint(this.#canvas.getContext("2d"), side);
    });
  }

  #paint(context, side) {
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    const strokes = this.#stroke ? [...this.#drawing.strokes, this.#stroke] : this.#drawing.strokes;
    for (const stroke of strokes) paintStroke(context, side, segments(stroke));
  }
}

/** iPadOS would take the second of two quick strokes of its pencil for writing into a field, and keep it. */
function keepStroke(event) {
  if (event.touches[0].touchType === "stylus") event.preventDefault();
}

/** Chromium leaves `toBlob` to its idle time, up to a second later. */
function blobOf(dataUrl) {
  const [, base64] = dataUrl.split(",");
  return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type: "image/png" });
}

/** One path as long as the width stays: joins within a path are seamless, overlapping ends of two are not. */
function paintStroke(context, side, curves) {
  context.beginPath();
  curves.forEach(({ from, control, to, width }, i) => {
    if (width !== curves[i - 1]?.width) {
      context.stroke();
      context.beginPath();
      context.lineWidth = width * side;
      context.moveTo(from.x * side, from.y * side);
      context.lineTo(from.x * side + DOT_LENGTH, from.y * side);
    }
    context.quadraticCurveTo(control.x * side, control.y * side, to.x * side, to.y * side);
  });
  context.stroke();
}
