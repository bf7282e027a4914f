// Scales, ticks and axes of all charts.

function niceStep(span, count) {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 2.5, 5, 10].map((f) => f * power).find((step) => step >= raw * 0.999);
}

/** A scale from values to pixels; logarithmic when asked for and possible. */
function makeScale([low, high], [from, to], log) {
  // What differs by rounding alone does not differ.
  if (!(high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)))) [low, high] = [low - Math.abs(low || 1) * 0.05, high + Math.abs(high || 1) * 0.05];
  const turn = log && low > 0 ? Math.log10 : (v) => v;
  const [a, b] = [turn(low), turn(high)];
  // A band may reach to 0, which has no logarithm.
  const least = turn === Math.log10 ? low / 10 : -Infinity;
  const scale = (v) => from + ((turn(Math.max(v, least)) - a) / (b - a)) * (to - from);
  scale.invert = (p) => {
    const v = a + ((p - from) / (to - from)) * (b - a);
    return turn === Math.log10 ? 10 ** v : v;
  };
  scale.domain = [low, high];
  scale.log = turn === Math.log10;
  // Ticks that lie close, far from 0, have more digits.
  const digits = Math.max(6, 2 + Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / (high - low))));
  scale.word = (v) => brief(v, digits);
  scale.ticks = (count) => (scale.log ? logTicks(low, high, count) : linearTicks(low, high, count))
    .filter((v) => !scale.whole || Number.isInteger(v));
  return scale;
}

function linearTicks(low, high, count) {
  const step = niceStep(high - low, count);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    ticks.push(Number((k * step).toPrecision(12)));
  }
  return ticks;
}

function logTicks(low, high, count) {
  for (const steps of [[1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++) {
      for (const f of steps) if (f * 10 ** p >= low && f * 10 ** p <= high) ticks.push(f * 10 ** p);
    }
    if (ticks.length <= count + 2) return ticks.length > 1 ? ticks : linearTicks(low, high, count);
  }
  // Too many powers of ten for one each.
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const step = Math.ceil((last - first) / count);
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, k) => 10 ** (first + k * step));
}

/** Lowest and highest finite value with room around. */
function extent(lists, room = 0.06) {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (const v of list) if (v !== null && Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
  }
  if (low > high) return [0, 1];
  const space = (high - low) * room;
  return [low - space, high + space];
}

/** Whether values span so much that a logarithmic axis shows them better. */
function isWide(values) {
  const [low, high] = extent([values], 0);
  return low > 0 && high / low > 40;
}

/** A column's scale: its values with room around, logarithmic where they span much. */
function columnScale(column, lists, range, room) {
  const log = isWide(column.front);
  const [low, high] = extent(lists, log ? 0 : room);
  const factor = log ? (high / low) ** room : 1;
  const scale = makeScale([low / factor, high * factor], range, log);
  scale.whole = column.front.every((v) => Number.isInteger(v));
  return scale;
}

/** Words in lines of at most so many pixels; a letter of a label takes about 7. Longer words are broken. */
function inLines(text, width, letter = 7) {
  const lines = [];
  // Letters of names may all be wide.
  const part = new RegExp(`.{1,${Math.max(1, Math.floor(width / letter / 1.25))}}`, "gu");
  for (const word of text.split(/(?<=-)|\s+/).flatMap((one) => (one.length * letter > width ? one.match(part) : [one]))) {
    const longer = lines.length ? `${lines.at(-1)}${lines.at(-1).endsWith("-") ? "" : " "}${word}` : word;
    if (lines.length && longer.length * letter > width) lines.push(word);
    else lines.splice(-1, 1, longer);
  }
  return lines;
}

/** The box of a plot, with room for its labels in as many lines as they need: a plot is made higher for many. */
function plotBox(width, height, labels, small) {
  const [across, up] = [inLines(`${labels[0]} →`, width - 20), inLines(`↑ ${labels[1]}`, width - 12)];
  const [top, below] = [15 + 15 * up.length, (small ? 25 : 31) + 15 * across.length];
  const bottom = Math.max(height - below, top + 120);
  return { left: small ? 52 : 64, top, right: width - 14, bottom, height: bottom + below, across, up };
}

const upTicks = (box, y) => y.ticks(Math.max(2, (box.bottom - box.top) / 60));

/** The scale of a box's left side, where its ticks get the room that they need. */
function withRoom(box, y) {
  box.left = Math.max(box.left, 12 + 7 * Math.max(0, ...upTicks(box, y).map((v) => y.word(v).length)));
  return y;
}

/** Grid, ticks and titles of a plot in a box. */
function drawAxes(box, x, y, small) {
  const { left, top, right, bottom } = box;
  const parts = [];
  for (const v of x.ticks(Math.max(2, (right - left) / 95))) {
    parts.push(s("line", { x1: x(v), x2: x(v), y1: top, y2: bottom, class: "grid" }));
    parts.push(s("text", { x: x(v), y: bottom + 17, class: "tick", "text-anchor": "middle" }, x.word(v)));
  }
  for (const v of upTicks(box, y)) {
    parts.push(s("line", { x1: left, x2: right, y1: y(v), y2: y(v), class: "grid" }));
    parts.push(s("text", { x: left - 8, y: y(v) + 4, class: "tick", "text-anchor": "end" }, y.word(v)));
  }
  parts.push(s("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "axis" }));
  parts.push(s("line", { x1: left, x2: left, y1: top, y2: bottom, class: "axis" }));
  box.across.forEach((line, k) => parts.push(s("text", { x: right, y: bottom + (small ? 33 : 38) + 15 * k, class: "label", "text-anchor": "end" }, line)));
  box.up.forEach((line, k) => parts.push(s("text", { x: small ? 2 : 4, y: top - 12 - 15 * (box.up.length - 1 - k), class: "label" }, line)));
  return s("g", { "aria-hidden": "true" }, parts);
}

/** A plot of so many pixels, with a label for readers who do not see it. */
function plotSvg(width, height, label, ...parts) {
  return s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": label }, ...parts);
}

/** Many small dots as one element. */
function dots(xs, ys, x, y, box) {
  let d = "";
  for (let k = 0; k < xs.length; k++) {
    if (xs[k] === null || ys[k] === null) continue;
    const [px, py] = [x(xs[k]), y(ys[k])];
    if (px < box.left || px > box.right || py < box.top || py > box.bottom) continue;
    d += `M${px.toFixed(1)},${py.toFixed(1)}h0`;
  }
  return d;
}

let clips = 0;
/** A group whose content ends at the edges of a box. */
function clipped(box, ...children) {
  const id = `clip${++clips}`;
  const frame = s("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top });
  return s("g", {}, s("clipPath", { id }, frame), s("g", { "clip-path": `url(#${id})` }, children));
}
