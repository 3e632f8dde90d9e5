/** The confusion matrix as a table that reads as a heat map: rows are true, columns predicted. */

import { element } from "./elements.js";
import { count, roughShare, texts } from "./texts.js";

const words = texts.model;

/**
 * @param {number[][]} matrix 10 × 10 counts, rows true, columns predicted
 * @returns {HTMLElement}
 */
export function confusionMatrix(matrix) {
  const table = element(
    "table",
    { class: "matrix" },
    element("thead", {}, headings()),
    element("tbody", {}, ...matrix.map(matrixRow)),
  );
  return element(
    "div",
    {},
    unitChoice(table),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": words.matrix }, table),
  );
}

function headings() {
  const digits = Array.from({ length: 10 }, (_, digit) => element("th", { scope: "col" }, digit));
  return element("tr", {}, element("td", { class: "corner" }, words.corner), ...digits);
}

function matrixRow(counts, row) {
  const total = counts.reduce((sum, each) => sum + each, 0);
  return element("tr", {}, element("th", { scope: "row" }, row), ...counts.map((n, column) => cell(n, total, row, column)));
}

/** Both texts are there, one shown: the count, and the share of the row. */
function cell(n, total, row, column) {
  const part = total === 0 ? 0 : n / total;
  const content = [element("span", { class: "count" }, count(n)), element("span", { class: "share" }, roughShare(part))];
  // The root lets the few errors show beside the many right ones.
  const attributes = { "--shade": String(Math.sqrt(part)), class: row === column ? "right" : "wrong" };
  if (n === 0) return element("td", { ...attributes, class: "zero" }, ...content);
  const href = `#handwriting?true=${row}&predicted=${column}`;
  return element("td", attributes, element("a", { href, "aria-label": words.ownCell(row, column, n) }, ...content));
}

function unitChoice(table) {
  const show = (asShares) => () => {
    table.classList.toggle("as-shares", asShares);
    [counts, shares].forEach((button, i) => button.setAttribute("aria-pressed", String(Boolean(i) === asShares)));
  };
  const counts = element("button", { type: "button", "aria-pressed": "true", onclick: show(false) }, words.asCounts);
  const shares = element("button", { type: "button", "aria-pressed": "false", onclick: show(true) }, words.asShares);
  return element("div", { class: "choice", role: "group", "aria-label": words.unit }, counts, shares);
}
