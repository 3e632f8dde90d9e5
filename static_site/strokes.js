/**
 * Coordinates are shares of the pad's side, x to the right and y down,
 * so a drawing is the same on every screen and at every size.
 *
 * @typedef {{x: number, y: number, pressure?: number}} Point  pressure in [0, 1], 0.5 for a mouse or a finger
 * @typedef {{width: number, points: Point[]}} Stroke  width as a share of the pad's side
 * @typedef {{from: Point, control: Point, to: Point, width: number}} Segment  a quadratic Bézier curve
 */

const WIDTHS = 32; // from no pressure to all of it: curves of one width are one path, without seams
const SHORTEST_STEP = 0.003; // of the side: points closer than this carry the hand's tremor, not the shape

/** Add a point unless it is too close to the last one to matter. @returns {Stroke} */
export function extended(stroke, point) {
  const last = stroke.points.at(-1);
  if (last && Math.hypot(point.x - last.x, point.y - last.y) < SHORTEST_STEP) return stroke;
  return { ...stroke, points: [...stroke.points, point] };
}

/**
 * A smooth curve through a stroke: from midpoint to midpoint with the points as controls, which joins without
 * corners. A single point is a dot. @returns {Segment[]}
 */
export function segments({ width, points }) {
  if (points.length === 0) return [];
  const ends = [points[0], ...midpoints(points), points.at(-1)];
  return points.map((control, i) => ({
    from: ends[i],
    control,
    to: ends[i + 1],
    width: width * (0.5 + Math.round(control.pressure * WIDTHS) / WIDTHS), // half to one and a half times the brush
  }));
}

function midpoints(points) {
  return points.slice(1).map((point, i) => ({
    x: (points[i].x + point.x) / 2,
    y: (points[i].y + point.y) / 2,
  }));
}

/** A drawing. Every change is a new list of strokes, so clearing can be undone too. */
export class Drawing {
  #states = [/** @type {Stroke[]} */ ([])];

  get strokes() {
    return this.#states.at(-1);
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  get canUndo() {
    return this.#states.length > 1;
  }

  add(stroke) {
    this.#states.push([...this.strokes, stroke]);
  }

  clear() {
    if (!this.isEmpty) this.#states.push([]);
  }

  undo() {
    if (this.canUndo) this.#states.pop();
  }
}
