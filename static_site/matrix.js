/** The confusion matrix as a table that reads as a heat map: rows are true, columns predicted. */

import { element, scrollable } from "./elements.js";
import { roughShare, texts } from "./texts.js";

const words = texts.model;

/** @param {number[][]} matrix 10 × 10 counts, rows true, columns predicted */
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
