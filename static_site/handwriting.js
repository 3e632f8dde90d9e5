/** The view of the writer's own images: the figures, what would help, and the history. */

import { Collection } from "./collection.js";
import { awaited, parts, problemNotice } from "./elements.js";
import { History } from "./history.js";
import { legibilityReport } from "./legibility.js";
import { saved } from "./reading.js";

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
