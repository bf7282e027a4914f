// Parallel coordinates: a line for each cell, limits by brushing along the axes.
function parallelPlot(host, front) {
  const every = front.columns.map((_, c) => c).filter((c) => !front.columns[c].detail && front.columns[c].front.some((v) => v !== null));
  let axes = every;
  let scales = [];
  let lines = [];
  let top = null;
  let brushes = [];
  let xs = [];

  function draw(width) {
    // Where there is little room, the first quantities: objectives come first.
    const word = Math.max(...every.flatMap((c) => front.columns[c].title.split(" ").map((text) => text.length)));
    axes = every.slice(0, Math.max(2, Math.floor(width / Math.min(110, Math.max(66, 7.4 * word + 8)))));
    const slot = width / axes.length;
    const [names, units] = ["title", "unit"].map((part) => axes.map((c) => inLines(front.columns[c][part], slot - 6, 7.4)));
    const [down, high] = [units, names].map((lines) => 14 * Math.max(1, ...lines.map((some) => some.length)));
    const height = high + down + 331;
    const [y0, y1] = [height - 30, high + down + 30];
    const pad = slot / 2;
    xs = axes.map((_, k) => pad + (k * (width - 2 * pad)) / Math.max(1, axes.length - 1));
    scales = axes.map((c) => columnScale(front.columns[c], [front.columns[c].front], [y0, y1], 0));
    const path = (k) => axes.map((c, j) => {
      const v = front.columns[c].values[k];
      return v === null ? "" : `${j ? "L" : "M"}${xs[j].toFixed(1)},${scales[j](v).toFixed(1)}`;
    }).join("");
    lines = front.on.map((k) => s("path", { d: path(k), class: "line" }));
    top = s("g", {});
    brushes = axes.map((c, j) => axis(c, j, xs[j], y0, y1, [...names[j].map((line, k) => [line, down + 14 * (names[j].length - 1 - k), "label"]), ...units[j].map((line, k) => [line, 14 * (units[j].length - 1 - k), "tick"])]));
    const label = `Parallel coordinates of the ${front.n} cells; the sliders above set the same limits.`;
    const svg = plotSvg(width, height, label, s("g", {}, lines), top, brushes.map((b) => b.node));
    svg.classList.add("parallel");
    svg.addEventListener("pointermove", (e) => { if (e.pointerType !== "touch" && !e.buttons) hoverLine(e, svg); });
    svg.addEventListener("pointerleave", () => { hideTip(); front.hover(-1); });
    svg.addEventListener("click", (e) => {
      const k = nearestLine(e, svg);
      if (k >= 0 && !e.target.classList.contains("grip")) { hideTip(); openCell(front, k, true); }
    });
    host.replaceChildren(svg);
    update();
  }

  function axis(c, j, x, y0, y1, heads) {
    const { title, better, objective } = front.columns[c];
    const ticks = scales[j].ticks(5).map((v) => s("g", {},
      s("line", { x1: x - 4, x2: x + 4, y1: scales[j](v), y2: scales[j](v), class: "axis" }),
      s("text", { x: x + 7, y: scales[j](v) + 4, class: "tick halo" }, scales[j].word(v))));
    const brush = s("rect", { x: x - 9, width: 18, y: y1, height: 0, class: "brush" });
    const grip = s("rect", { x: x - 15, width: 30, y: y1 - 8, height: y0 - y1 + 16, class: "grip" }, s("title", {}, `Drag to limit ${title}; click to clear`));
    drag(grip, c, j, y0, y1);
    const node = s("g", {},
      s("line", { x1: x, x2: x, y1: y0, y2: y1, class: "axis" }), ticks,
      heads.map(([line, above, kind]) => s("text", { x, y: y1 - 18 - above, class: kind, "text-anchor": "middle" }, line)),
      objective ? s("text", { x, y: better === "min" ? y0 + 20 : y1 - 6, class: "tick good", "text-anchor": "middle" }, better === "min" ? "▼ better" : "▲ better") : null,
      brush, grip);
    return { node, brush };
  }

  function drag(grip, c, j, y0, y1) {
    let from = null;
    const place = (e) => Math.min(y0, Math.max(y1, e.clientY - host.firstChild.getBoundingClientRect().top));
    grip.addEventListener("pointerdown", (e) => { from = place(e); grip.setPointerCapture(e.pointerId); hideTip(); });
    grip.addEventListener("pointermove", (e) => {
      if (from === null || Math.abs(place(e) - from) < 4) return;
      const [a, b] = [scales[j].invert(from), scales[j].invert(place(e))].sort((p, q) => p - q);
      const [low, high] = scales[j].domain;
      const tiny = (high - low) * 1e-6;
      front.limit(c, a <= low + tiny ? null : Number(a.toPrecision(4)), b >= high - tiny ? null : Number(b.toPrecision(4)));
    });
    grip.addEventListener("pointerup", (e) => {
      if (from !== null && Math.abs(place(e) - from) < 4) front.limit(c, null, null);
      from = null;
    });
  }

  function nearestLine(event, svg) {
    const frame = svg.getBoundingClientRect();
    const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
    const j = Math.min(axes.length - 2, Math.max(0, xs.findIndex((x) => x > px) - 1));
    if (axes.length < 2 || px > xs.at(-1) + 12 || px < xs[0] - 12) return -1;
    const t = (px - xs[j]) / (xs[j + 1] - xs[j]);
    let [best, distance] = [-1, 12];
    front.on.forEach((k) => {
      if (!front.inside(k)) return;
      const a = scales[j](front.columns[axes[j]].values[k]);
      const b = scales[j + 1](front.columns[axes[j + 1]].values[k]);
      const d = Math.abs(a + t * (b - a) - py);
      if (d < distance) [best, distance] = [k, d];
    });
    return best;
  }

  function hoverLine(event, svg) {
    const k = nearestLine(event, svg);
    front.hover(k);
    if (k >= 0) showTip(front, k, event.clientX, event.clientY);
    else hideTip();
  }

  function update() {
    lines.forEach((line, k) => line.classList.toggle("out", !front.inside(k)));
    const copy = (k, kind) => k >= 0 && k < front.n && top.append(s("path", { d: lines[k].getAttribute("d"), class: `line ${kind}` }));
    top.replaceChildren();
    copy(front.choice, "choice");
    copy(front.selected, "selected");
    copy(front.hovered, "hovered");
    brushes.forEach(({ brush }, j) => {
      const limits = front.limits.get(axes[j]);
      if (!limits) { brush.setAttribute("height", 0); return; }
      const [low, high] = scales[j].domain;
      const a = scales[j](Math.max(low, limits[0] ?? low));
      const b = scales[j](Math.min(high, limits[1] ?? high));
      brush.setAttribute("y", Math.min(a, b));
      brush.setAttribute("height", Math.max(2, Math.abs(a - b)));
    });
  }

  front.listen(() => { if (top) update(); });
  drawFitted(host, draw);
}
