/** Shares with their uncertainty, as pictures beside the figures, so these are decoration. */

import { element, svg } from "./elements.js";

/**
 * A track with the interval as a band and the share as a dot.
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
