/** Figures to look at: shares with their uncertainty, confidence against accuracy, the confusion matrix. */

import { element, scrollable, svg } from "./elements.js";
import { roughShare, texts } from "./texts.js";

const words = texts.model;

/**
 * A track with the interval as a band and the share as a dot: decoration, beside what it says in figures.
 * @param {number | null} share 0 to 1
 * @param {[number, number] | null} interval
 * @param {number} [low] what the track's left end stands for
 */
export function intervalBar(share, interval, low = 0) {
  const place = (value) => `${(100 * (Math.max(value, low) - low)) / (1 - low)}%`;
  return element(
    "span",
    { class: "interval", "aria-hidden": "true" },
    interval && element("span", { class: "band", "--from": place(interval[0]), "--to": place(interval[1]) }),
    share === null ? null : element("span", { class: "dot", "--at": place(share) }),
  );
}

/** The left end for a set of intervals: a round 10 % at or below the lowest. */
export function commonLow(intervals) {
  const lows = intervals.filter((interval) => interval !== null).map(([low]) => low);
  return lows.length === 0 ? 0 : Math.min(0.9, Math.floor(Math.min(...lows) * 10) / 10);
}

/**
 * Confidence against accuracy; a point's area is its count. On the diagonal the two agree.
 * @param {{count: number, confidence: number, accuracy: number}[]} bins that hold something
 * @param {{whole: string, across: string, up: string}} labels
 */
export function reliabilityDiagram(bins, { whole, across, up }) {
  const most = Math.max(...bins.map(({ count }) => count));
  return svg(
    "svg",
    { class: "reliability", viewBox: "-4 -10 108 120", role: "img", "aria-label": whole },
    svg("path", { d: "M0 0V100H100" }),
    svg("path", { class: "diagonal", d: "M0 100L100 0" }),
    svg("text", { x: 0, y: -4 }, up),
    svg("text", { x: 100, y: 107, "text-anchor": "end" }, across),
    ...bins.map(({ count, confidence, accuracy }) =>
      svg("circle", { cx: confidence * 100, cy: 100 - accuracy * 100, r: 1.2 + 3 * Math.sqrt(count / most) }),
    ),
  );
}

/** A table that reads as a heat map. @param {number[][]} matrix 10 × 10 counts, rows true, columns predicted */
export function confusionMatrix(matrix) {
  const most = largestError(matrix);
  const table = element(
    "table",
    { class: "matrix", "--figures": String(Math.max(...matrix.flat())).length },
    element("thead", {}, headings()),
    element("tbody", {}, ...matrix.map((row, digit) => matrixRow(row, digit, most))),
  );
  return element("div", {}, unitChoice(table), scrollable(words.matrix, table));
}

function headings() {
  const digits = Array.from({ length: 10 }, (_, digit) => element("th", { scope: "col" }, digit));
  return element("tr", {}, element("td", { class: "corner" }, words.corner), ...digits);
}

function shares(counts) {
  const total = counts.reduce((sum, each) => sum + each, 0);
  return counts.map((n) => (total === 0 ? 0 : n / total));
}

function largestError(matrix) {
  return Math.max(...matrix.flatMap((counts, row) => shares(counts).filter((_, column) => column !== row)));
}

function matrixRow(counts, row, most) {
  const parts = shares(counts);
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, row),
    ...counts.map((n, column) => cell(n, parts[column], row, column, most)),
  );
}

/** Both texts are there, one shown: the count, and the share of the row. */
function cell(n, part, row, column, most) {
  const content = [element("span", { class: "count" }, n), element("span", { class: "share" }, roughShare(part))];
  if (n === 0) return element("td", { class: "zero" }, ...content);
  const href = `#handwriting?true=${row}&predicted=${column}`;
  const link = element("a", { href }, ...content, element("span", { class: "spoken" }, words.cell(row, column)));
  if (row === column) return element("td", { class: "right", "--shade": part }, link);
  // Errors are few: shaded against the most frequent one, and by the root, so that all of them show.
  return element("td", { class: "wrong", "--shade": Math.sqrt(part / most) }, link);
}

function unitChoice(table) {
  const show = (asShares) => () => {
    table.classList.toggle("as-shares", asShares);
    countsButton.setAttribute("aria-pressed", String(!asShares));
    sharesButton.setAttribute("aria-pressed", String(asShares));
  };
  const countsButton = element("button", { type: "button", "aria-pressed": "true", onclick: show(false) }, words.asCounts);
  const sharesButton = element("button", { type: "button", "aria-pressed": "false", onclick: show(true) }, words.asShares);
  return element("div", { class: "choice", role: "group", "aria-label": words.unit }, countsButton, sharesButton);
}
