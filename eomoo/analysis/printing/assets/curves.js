// Lines over a common axis: anytime curves and attainment surfaces, with a readout.
function linePath(xs, ys, x, y) {
  let pen = "M";
  return xs.map((v, k) => {
    if (ys[k] === null) { pen = "M"; return ""; }
    const part = `${pen}${x(v).toFixed(1)},${y(ys[k]).toFixed(1)}`;
    pen = "L";
    return part;
  }).join("");
}

function bandPath(series, x, y) {
  const good = series.x.map((_, k) => k).filter((k) => series.low[k] !== null && series.high[k] !== null);
  const there = good.map((k) => `${x(series.x[k]).toFixed(1)},${y(series.high[k]).toFixed(1)}`);
  const back = good.reverse().map((k) => `${x(series.x[k]).toFixed(1)},${y(series.low[k]).toFixed(1)}`);
  return there.length ? `M${[...there, ...back].join("L")}Z` : "";
}

function curvePlot(host, data) {
  const hidden = new Set();
  const names = data.series.filter((x) => !x.faint);
  const readout = h("div", { class: "readout", "aria-hidden": "true" });
  const canvas = h("div", { class: "canvas" });
  const legend = h("div", { class: "keys" }, names.map((one) => h("button", {
    type: "button", class: `key g${one.group % 12}`, "aria-pressed": "true",
    onclick: (e) => {
      const off = hidden.delete(one.group) ? false : Boolean(hidden.add(one.group));
      e.currentTarget.setAttribute("aria-pressed", String(!off));
      draw(Math.floor(canvas.clientWidth));
    },
  }, s("svg", { width: 26, height: 10, "aria-hidden": "true" }, s("line", { x1: 1, x2: 25, y1: 5, y2: 5, class: `curve g${one.group % 12}` })), one.name)));
  host.append(legend, canvas, readout);

  function draw(width) {
    const height = Math.min(420, Math.max(280, width * 0.5));
    const box = plotBox(width, height, [data.x_label, data.y_label]);
    const shown = data.series.filter((x) => !hidden.has(x.group));
    const y = withRoom(box, makeScale(extent(data.series.flatMap((l) => [l.y, l.low || [], l.high || []])), [box.bottom, box.top]));
    const x = makeScale(extent(data.series.map((l) => l.x), data.outlines ? 0.04 : 0), [box.left, box.right]);
    x.whole = data.series.every((l) => l.x.every(Number.isInteger));
    const content = clipped(box,
      shown.filter((l) => l.low).map((l) => s("path", { d: bandPath(l, x, y), class: `band g${l.group % 12}` })),
      shown.map((l) => s("path", { d: linePath(l.x, l.y, x, y), class: `curve g${l.group % 12}${l.faint ? " faint" : ""}` })));
    const cursor = s("line", { class: "cursor", y1: box.top, y2: box.bottom, visibility: "hidden" });
    const label = `${data.title}: ${names.map((l) => l.name).join(", ")}. The data can be saved as CSV.`;
    const svg = plotSvg(width, box.height, label, drawAxes(box, x, y), content, cursor);
    if (!data.outlines) {
      svg.addEventListener("pointermove", (e) => read(e.clientX - svg.getBoundingClientRect().left, x, box, cursor, shown));
      svg.addEventListener("pointerleave", () => { readout.replaceChildren(); cursor.setAttribute("visibility", "hidden"); });
    }
    canvas.replaceChildren(svg);
  }

  function read(px, x, box, cursor, shown) {
    if (px < box.left || px > box.right || !shown.length) return;
    const value = x.invert(px);
    const at = (l) => l.x.reduce((best, v, k) => (Math.abs(v - value) < Math.abs(l.x[best] - value) ? k : best), 0);
    const place = shown[0].x[at(shown[0])];
    cursor.setAttribute("x1", x(place));
    cursor.setAttribute("x2", x(place));
    cursor.setAttribute("visibility", "visible");
    readout.replaceChildren(h("span", { class: "soft" }, `at ${show(place)}:`), ...shown.filter((l) => !l.faint).map((l) => {
      const k = at(l);
      const band = l.low && l.low[k] !== null ? ` [${show(l.low[k])}, ${show(l.high[k])}]` : "";
      return h("span", { class: `key g${l.group % 12}` }, `${l.name} ${show(l.y[k])}${band}`);
    }));
  }
  drawFitted(canvas, draw);
}

function curveRows(data) {
  const band = data.series.some((l) => l.low);
  const head = ["series", data.x_label, data.y_label, ...(band ? ["low", "high"] : [])];
  return [head, ...data.series.flatMap((l) => l.x.map((v, k) => [l.name, v, l.y[k], ...(band ? [l.low ? l.low[k] : null, l.high ? l.high[k] : null] : [])]))];
}

/** Boxes of the objective space, coloured by which algorithm attains them more often. */
function differencePlot(host, data) {
  const canvas = h("div", { class: "canvas" });
  const [first, second] = data.groups.map((group) => `g${group % 12}`);
  const shades = [0.2, 0.4, 0.6, 0.8];
  const key = (side, name) => h("span", { class: "shade-key" }, `${name} more often by`, shades.map((v, k) => h("i", { class: `shade ${side} s${k}` }, `${Math.round(v * 100)} %`)));
  host.append(h("div", { class: "keys" }, key(first, data.first), key(second, data.second)), canvas);
  drawFitted(canvas, (width) => {
    const height = Math.min(420, Math.max(280, width * 0.6));
    const box = plotBox(width, height, [data.x_label, data.y_label]);
    const y = withRoom(box, makeScale(extent([data.boxes.flatMap((b) => [b[1], b[3]])], 0), [box.bottom, box.top]));
    const x = makeScale(extent([data.boxes.flatMap((b) => [b[0], b[2]])], 0), [box.left, box.right]);
    const grade = (d) => Math.min(3, Math.max(0, Math.floor((Math.abs(d) - 0.1) / 0.2)));
    const rects = data.boxes.filter((b) => Math.abs(b[4]) >= 0.1).map(([x0, y0, x1, y1, d]) => s("rect", {
      x: Math.min(x(x0), x(x1)), width: Math.abs(x(x1) - x(x0)) + 0.4, y: Math.min(y(y0), y(y1)), height: Math.abs(y(y1) - y(y0)) + 0.4,
      class: `shade ${d > 0 ? first : second} s${grade(d)}`,
    }));
    const label = `${data.title}: where ${data.first} and where ${data.second} attains more. The data can be saved as CSV.`;
    canvas.replaceChildren(plotSvg(width, box.height, label, drawAxes(box, x, y), clipped(box, rects)));
  });
}
