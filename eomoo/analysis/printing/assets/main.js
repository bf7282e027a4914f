// Puts the page together: themes, tables, and a part for each block of data.
function themeSwitch(button) {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const paint = () => {
    button.setAttribute("aria-pressed", String(dark()));
    button.textContent = dark() ? "☀ light" : "☾ dark";
  };
  // A page opened from a file may have no storage; then the choice lasts as long as the page.
  try { const kept = localStorage.getItem("eomoo-theme"); if (kept === "dark" || kept === "light") root.dataset.theme = kept; } catch {}
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("eomoo-theme", root.dataset.theme); } catch {}
    paint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  button.hidden = false;
  paint();
}

function explorer(host, data, place) {
  const front = new Front(data, place);
  opened.push(front);
  const m = front.objectives.length;
  const options = { x: 0, y: 1, seen: true, truth: true, bars: front.n <= 60 && front.isCertain, everything: false, band: front.band.length > 0 };
  const canvas = h("div", { class: "canvas" });
  front.detail = h("section", { class: "detail panel", "aria-label": "A cell of the front" });
  const figure = h("figure", { class: "panel main-plot" }, h("div", { class: "controls" }), canvas, scatterKeys(front));
  host.append(h("div", { class: "explore" }, figure, choicePanel(front)));
  const plot = scatterPlot(canvas, front, options);
  const pick = plotControls(figure.querySelector(".controls"), front, options, plot);
  if (m > 2) host.append(scatterMatrix(front, pick));
  const lines = h("div", { class: "canvas" });
  host.append(h("figure", { class: "panel" },
    h("div", { class: "controls" }, h("h4", {}, "All quantities at once"), h("span", { class: "soft" }, "drag along an axis to set limits, click it to clear")), lines));
  parallelPlot(lines, front);
  const [all] = lines.closest("figure").children;
  all.append(fileButtons(`quantities-${front.problem}`, all.parentElement));
  host.append(front.detail, frontTable(front));
  const first = front.knee ?? front.choice;
  if (first >= 0) openCell(front, first, false);
  return front;
}

function plotControls(bar, front, options, plot) {
  const axis = (name) => h("select", { "aria-label": `${name} axis`, onchange: (e) => { options[name] = Number(e.target.value); plot.redraw(); } },
    front.columns.map((c, k) => (c.detail ? null : h("option", { value: k, selected: k === options[name] }, c.title))));
  const toggle = (key, text) => h("label", { class: "check" }, h("input", { type: "checkbox", checked: options[key], onchange: (e) => { options[key] = e.target.checked; plot.redraw(); } }), ` ${text}`);
  const [x, y] = [axis("x"), axis("y")];
  bar.append(
    h("label", {}, "across ", x), h("label", {}, "up ", y),
    toggle("everything", "zoom out"), toggle("seen", "evaluated"),
    ...(front.trueFront ? [toggle("truth", front.bestFront)] : []),
    ...(front.band.length ? [toggle("band", "where the true front lies")] : []),
    ...(front.columns.some((c) => c.sd) ? [toggle("bars", "uncertainty")] : []),
    fileButtons(`front-${front.problem}`, bar.parentElement, csvButton(`front-${front.problem}`, () => front.csvRows())));
  return (a, b) => { options.x = a; options.y = b; x.value = a; y.value = b; plot.redraw(); };
}

function scatterKeys(front) {
  const dot = (kind, r) => s("svg", { width: 16, height: 16, "aria-hidden": "true" }, s("circle", { cx: 8, cy: 8, r, class: kind }));
  // The outline of 90 % lies under that of 50 %.
  const patch = (share) => s("svg", { width: 16, height: 16, "aria-hidden": "true" }, front.band.filter((b) => b.share >= share).map(() => s("rect", { x: 1, y: 3, width: 14, height: 10, class: "sure" })));
  const diamond = s("svg", { width: 16, height: 16, "aria-hidden": "true" }, s("path", { d: "M8,1l7,7l-7,7l-7,-7z", class: "mark knee" }));
  const total = front.nFront > front.n ? `${front.n} of ${front.nFront}` : front.n;
  return h("figcaption", { class: "keys" },
    h("span", {}, dot("mark", 4.5), front.takes ? `can be told apart (${front.takes.length})` : `on the front found (${total})`),
    front.takes ? h("span", {}, dot("mark member", 4.5), `on the ${front.predicted ? "predicted " : ""}front found (${total})`) : null,
    front.band.map(({ share }) => h("span", {}, patch(share), `true front, ${share} % band`)),
    front.knee === null ? null : h("span", {}, diamond, "its knee"),
    ["measured", "extrapolated"].map((word) => {
      const n = front.on.filter((k) => front.known(k).endsWith(word)).length;
      return n ? h("span", {}, dot(`mark ${word}`, 4.5), `${word} (${n})`) : null;
    }),
    h("span", {}, dot("ring choice", 6), "chosen under limits"),
    front.trueFront ? h("span", {}, dot("truth", 6), `${front.bestFront} of all cells${front.predicted ? "" : " with a known value"} (${front.trueFront.n.toLocaleString("en")})`) : null,
    h("span", {}, dot("seen-key", 2), `evaluated${front.ownLimits ? ", within the limits" : ""} (${front.nSeen.toLocaleString("en")}${front.all.length < front.nSeen ? `, ${front.all.length.toLocaleString("en")} drawn` : ""})`));
}

function scatterMatrix(front, pick) {
  const panels = [];
  const m = front.objectives.length;
  for (let a = 0; a < m; a++) for (let b = a + 1; b < m; b++) {
    const canvas = h("div", { class: "canvas" });
    panels.push(h("figure", { class: "small panel" }, canvas,
      h("button", { type: "button", class: "quiet", onclick: () => pick(a, b) }, "enlarge")));
    scatterPlot(canvas, front, { x: a, y: b, seen: true, truth: true, small: true });
  }
  return h("div", { class: "matrix" }, panels);
}

function enhanceTable(table) {
  sortable(table);
  fitTable(table);
  const place = table.closest("figure").querySelector(".controls");
  place.append(h("span", { class: "files" }, csvButton(table.dataset.key, () => tableRows(table))));
}

function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  themeSwitch(document.getElementById("theme"));
  document.querySelectorAll("table[data-key]").forEach(enhanceTable);
  document.querySelectorAll(".command").forEach((place) => place.replaceWith(command(place.textContent)));
  const draw = { curves: curvePlot, differences: differencePlot };
  let place = 0;
  document.querySelectorAll("[data-block]").forEach((host) => {
    const block = data[Number(host.dataset.block)];
    if (block.kind === "front") { explorer(host, block, ++place); return; }
    draw[block.kind](host, block);
    const rows = block.kind === "curves" ? () => curveRows(block) : () => [["x0", "y0", "x1", "y1", "difference"], ...block.boxes];
    const figure = host.closest("figure");
    figure.querySelector(".controls").append(fileButtons(block.key, figure, csvButton(block.key, rows)));
  });
  document.querySelectorAll("figure img").forEach((image) => {
    const save = h("a", { class: "quiet", href: image.src, download: `${image.alt.slice(0, 40)}.png` }, "PNG ↓");
    image.closest("figure").querySelector(".controls").append(h("span", { class: "files" }, save));
  });
  document.querySelectorAll("table[data-key=choices] td:first-child").forEach((cell) => cell.replaceChildren(h("a", { href: `#cell-${cell.textContent}` }, cell.textContent)));
  markWords(document);
  addEventListener("hashchange", followAddress);
  followAddress();
  document.documentElement.classList.add("ready");
}

start();
