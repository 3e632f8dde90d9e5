/** The view of the writer's own images: the figures, what would help, and the history. */

import { ignoreProblem } from "./api.js";
import { intervalBar } from "./charts.js";
import { Collection } from "./collection.js";
import { awaited, element, parts, picture, problemNotice } from "./elements.js";
import { History } from "./history.js";
import { saved } from "./reading.js";
import { percent, texts } from "./texts.js";

const LOOK_BACK = 300; // newest records searched for examples
const words = texts.handwriting;

export class HandwritingView {
  #api;
  #parts;
  #figures;
  #collection;
  #history;
  #turn = 0;
  #shown = /** @type {URLSearchParams | null} */ (null); // the last ones

  constructor(root, api, numberKeys) {
    this.#api = api;
    this.#parts = parts(root);
    this.#figures = this.#parts.figures;
    this.#collection = new Collection(api);
    this.#history = new History(this.#parts, api, this.#collection, numberKeys, () => this.#showFigures());
  }

  /** @param {URLSearchParams} parameters `true` and `predicted` show the images of that one confusion */
  async show(parameters) {
    this.#shown = parameters;
    await awaited(this.#figures, saved()); // what was said under Write belongs to the figures
    if (parameters !== this.#shown) return;
    this.#collection.reset();
    await Promise.all([this.#showFigures(), this.#history.show(parameters)]);
    if (parameters.size > 0 && parameters === this.#shown) this.#history.goTo();
  }

  /** Keep none of the images: all are deleted. */
  discard() {
    this.#collection.forget();
    this.#figures.replaceChildren();
    this.#parts.gallery.replaceChildren();
  }

  async #showFigures() {
    const turn = (this.#turn += 1); // what an older turn fetched is not shown any more
    const report = this.#report().catch((problem) => problemNotice(problem, () => this.#showFigures()));
    const content = await awaited(this.#figures, report);
    if (turn === this.#turn) this.#figures.replaceChildren(content);
  }

  async #report() {
    return legibilityReport(await this.#api.legibility(), this.#collection);
  }
}

/** How well the model reads this writer. @param {object} figures of GET /legibility @param {Collection} collection for examples */
function legibilityReport(figures, collection) {
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
