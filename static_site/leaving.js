/** Leaving the page: the browser asks first while something would be lost by it. */

let underWay = 0;
const further = /** @type {(() => boolean)[]} */ ([]);

function ask(event) {
  if (underWay > 0 || further.some((isLost) => isLost())) event.preventDefault();
}
addEventListener("beforeunload", ask);

/** What is lost where the page is left before it is done. @template T @param {Promise<T>} work @returns {Promise<T>} */
export function guarded(work) {
  underWay += 1;
  return work.finally(() => (underWay -= 1));
}

/** What else would be lost at the moment. @param {() => boolean} isLost */
export function askAlsoIf(isLost) {
  further.push(isLost);
}

/** Load the page afresh, so that nothing of the last writer stays on it. That has been asked about already. */
export function reload() {
  removeEventListener("beforeunload", ask);
  location.reload();
}
