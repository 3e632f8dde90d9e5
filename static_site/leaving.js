/** Leaving the page: the browser asks first while something would be lost by it. */

let underWay = 0;

function ask(event) {
  if (underWay > 0) event.preventDefault();
}
addEventListener("beforeunload", ask);

/** What is lost where the page is left before it is done. @template T @param {Promise<T>} work @returns {Promise<T>} */
export function guarded(work) {
  underWay += 1;
  return work.finally(() => (underWay -= 1));
}

/** Load the page afresh, so that nothing of the last writer stays on it. That has been asked about already. */
export function reload() {
  removeEventListener("beforeunload", ask);
  location.reload();
}
