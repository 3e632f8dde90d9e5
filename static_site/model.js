/** The view of the accuracy report: how often the model was right, where it errs, and whether it knows. */

import { commonLow, confusionMatrix, intervalBar, reliabilityDiagram } from "./charts.js";
import { awaited, element, parts, problemNotice, scrollable } from "./elements.js";
import { count, percent, share, texts } from "./texts.js";

const OLD_MS = 7 * 24 * 60 * 60 * 1000;
const MOST_DAYS = 30;
const words = texts.model;

export class ModelView {
  #api;
  #report;
  #turn = 0;

  constructor(root, api) {
    this.#api = api;
    this.#report = parts(root).report;
  }

  async show() {
    const turn = (this.#turn += 1); // what an older turn fetched is not shown any more
    const report = this.#content().catch((problem) => problemNotice(problem, () => this.show()));
    const content = await awaited(this.#report, report);
    if (turn === this.#turn) this.#report.replaceChildren(content);
  }

  async #content() {
    const report = await this.#api.accuracy();
    return report === null ? element("p", { class: "notice" }, words.none) : reportOf(report);
  }
}

function reportOf(report) {
  if (report.pairs === 0) return element("p", { class: "notice" }, words.noPairs, " ", words.made(report));
  return element(
    "div",
    { class: "report" },
    overall(report),
    card(words.matrix, words.matrixNote, confusionMatrix(report.confusion_matrix)),
    shareCard(words.models, words.model, report.models, ({ model }) => model),
    card(words.digits, words.digitsNote, digitTable(report)),
    calibration(report.calibration),
    shareCard(words.days, words.day, report.days.slice(-MOST_DAYS), ({ day }) => day),
  );
}

function card(heading, note, ...content) {
  return element("div", { class: "card" }, element("h2", {}, heading), note && element("p", { class: "quiet" }, note), ...content);
}

function overall(report) {
  const isOld = Date.now() - Date.parse(report.made) > OLD_MS;
  const facts = [
    words.made(report),
    isOld ? words.old : null,
    report.baseline && words.baseline(report.baseline),
    report.coverage && words.coverage(report.coverage),
    report.rejected.count > 0 ? words.rejected(report.rejected.count) : null,
  ];
  return element(
    "div",
    { class: "card" },
    element("p", { class: "figure" }, percent(report.accuracy), " ", element("small", {}, words.accuracy)),
    intervalBar(report.accuracy, report.accuracy_interval),
    element("p", {}, words.interval(report.accuracy_interval)),
    ...facts.filter((fact) => fact !== null).map((fact) => element("p", { class: "quiet" }, fact)),
  );
}

function digitTable(report) {
  const wasRead = ({ digit }) => report.confusion_matrix.some((counts) => counts[digit] > 0);
  const figure = (value, isKnown) => element("td", {}, isKnown ? percent(value) : words.noFigure);
  const row = (name, { precision, recall, f1, support }, hasPrecision = true) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      figure(precision, hasPrecision),
      ...[recall, f1].map((value) => figure(value, support > 0)),
      element("td", {}, count(support)),
    );
  return table(
    words.digits,
    [words.digit, words.precision, words.recall, words.f1, words.support],
    report.digits.map((digit) => row(digit.digit, digit, wasRead(digit))),
    [row(words.macro, report.macro_average), row(words.weighted, report.weighted_average)],
  );
}

/** A row per model or day: all bars on one scale, which begins where the lowest interval does. */
function shareCard(heading, name, parts, nameOf) {
  if (parts.length === 0) return null;
  const low = commonLow(parts.map(({ accuracy_interval: interval }) => interval));
  const rows = parts.map((part) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, nameOf(part)),
      element("td", {}, count(part.pairs)),
      element("td", {}, percent(part.accuracy)),
      element("td", { class: "wide" }, intervalBar(part.accuracy, part.accuracy_interval, low)),
    ),
  );
  return card(heading, "", table(heading, [name, words.pairs, words.share, words.scale(low)], rows));
}

function calibration({ ece, bins }) {
  const filled = bins.filter((bin) => bin.count > 0);
  if (filled.length === 0) return null;
  const rows = filled.map((bin) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, `${share(bin.lower)}–${share(bin.upper)}`),
      element("td", {}, count(bin.count)),
      element("td", {}, percent(bin.confidence)),
      element("td", {}, percent(bin.accuracy)),
    ),
  );
  return card(
    words.calibration,
    words.calibrationNote(ece),
    reliabilityDiagram(filled, { whole: words.calibrationAlt, across: `${words.sure} →`, up: `↑ ${words.right}` }),
    element(
      "details",
      {},
      element("summary", {}, words.calibrationTable),
      table(words.calibrationTable, [words.bin, words.pairs, words.sure, words.right], rows),
    ),
  );
}

function table(label, headings, rows, footers = []) {
  return scrollable(
    label,
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...headings.map((heading) => element("th", { scope: "col" }, heading)))),
      element("tbody", {}, ...rows),
      footers.length > 0 ? element("tfoot", {}, ...footers) : null,
    ),
  );
}
