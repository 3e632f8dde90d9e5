/** How well the model reads this writer: overall, digit by digit, and what would help. */

import { ignoreProblem } from "./api.js";
import { intervalBar } from "./charts.js";
import { element, picture } from "./elements.js";
import { percent, texts } from "./texts.js";

const LOOK_BACK = 300; // newest records searched for examples

const words = texts.handwriting;

/** @param {object} figures of GET /legibility @param {import("./collection.js").Collection} collection for examples */
export function legibilityReport(figures, collection) {
  if (figures.labelled === 0) {
    return element("p", { class: "notice" }, figures.images === 0 ? words.none : words.noneLabelled(figures.images));
  }
  return element("div", { class: "figures" }, overall(figures), advice(figures, collection), byDigit(figures.digits));
}

function overall(figures) {
  return element(
    "div",
    { class: "card" },
    element("p", { class: "figure" }, percent(figures.accuracy), " ", element("small", {}, words.accuracy)),
    intervalBar(figures.accuracy, figures.interval),
    element("p", { class: "quiet" }, words.basis(figures), ". ", figures.interval && words.interval(figures.interval), "."),
    figures.enough ? null : element("p", { class: "quiet" }, words.tooFew),
  );
}

function byDigit(digits) {
  return element(
    "div",
    { class: "card" },
    element("h2", {}, words.digits),
    element("p", { class: "quiet" }, words.digitsNote),
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...[words.digit, "", words.correct].map((name) => header("col", name)))),
      element("tbody", {}, ...digits.map(digitRow)),
    ),
  );
}

function digitRow({ digit, labelled, correct, accuracy, interval }) {
  return element(
    "tr",
    { class: labelled === 0 ? "none" : null },
    header("row", digit),
    element("td", { class: "wide" }, intervalBar(accuracy, interval)),
    element("td", {}, words.of(correct, labelled)),
  );
}

function header(scope, content) {
  return content === "" ? element("td") : element("th", { scope }, content);
}

function advice(figures, collection) {
  return element(
    "div",
    { class: "card advice" },
    element("h2", {}, words.advice),
    figures.advice.length === 0 ? element("p", {}, words.noAdvice(figures)) : null,
    ...figures.advice.map((each) => adviceItem(each, collection)),
  );
}

function adviceItem(pair, collection) {
  const examples = element("div", { class: "examples" });
  addExample(examples, collection, words.misread(pair), (record) => isPair(record, pair.true, pair.predicted));
  addExample(examples, collection, words.wellRead(pair.true), (record) => isPair(record, pair.true, pair.true));
  return element(
    "article",
    {},
    examples,
    element("p", {}, pair.text),
    element("a", { href: `#handwriting?true=${pair.true}&predicted=${pair.predicted}` }, words.showPair),
  );
}

function isPair(record, digit, predicted) {
  return record.true === digit && record.predicted === predicted;
}

/** The writer's own newest image of a kind; one that cannot be had is no problem. */
async function addExample(examples, collection, caption, matches) {
  const figure = element("figure", { hidden: true });
  examples.append(figure);
  const image = await newestImage(collection, matches).catch(ignoreProblem);
  if (!image) return;
  figure.append(image, element("figcaption", {}, caption));
  figure.hidden = false;
}

async function newestImage(collection, matches) {
  const [record] = await collection.find(matches, 1, { lookBack: LOOK_BACK });
  return record && picture(record, (await collection.image(record)).url);
}
