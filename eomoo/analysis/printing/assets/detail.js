// The page section of a cell: drawing, values, operations, neighbours on the front, commands.
const opened = [];

/** Show a cell in its section; with `jump`, go there and put it into the address. */
function openCell(front, k, jump) {
  front.select(k);
  front.detail.replaceChildren(...cellSection(front, k));
  front.detail.id = front.anchor(k);
  markWords(front.detail);
  const drawing = front.detail.querySelector(".drawing");
  drawing.querySelector(".controls").append(fileButtons(`cell-${front.cells[k]}`, drawing));
  if (!jump) return;
  history.replaceState(null, "", `#${front.anchor(k)}`);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  front.detail.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  front.detail.querySelector("h4").focus({ preventScroll: true });
}

function cellSection(front, k) {
  const cell = front.cells[k];
  const [near, shown] = [front.neighbors[k] ?? [], k < front.n];
  const button = (to, text) => h("button", { type: "button", class: "quiet", disabled: !shown || to < 0 || to >= front.n, onclick: () => openCell(front, to, true) }, text);
  const badges = [
    ...front.badges(k, shown && front.optimal && `${front.optimal[k] ? "" : "not "}on the ${front.bestFront}`),
    shown && front.foundBy ? h("span", { class: "badge plain" }, `on the front of ${front.foundBy[k]} of ${front.nRuns} runs`) : null,
  ];
  return [
    h("div", { class: "cell-head" },
      h("h4", { tabindex: -1 }, `Cell ${cell}`), badges,
      h("span", { class: "walk" }, button(k - 1, "← previous"), button(k + 1, "next →"))),
    h("div", { class: "cell-body" },
      h("figure", { class: "drawing" }, drawCell(front.graphs[k], `drawing of cell ${cell}`), legend(), h("div", { class: "controls" })),
      h("div", {}, front.facts(k), operationTable(front, k)),
      h("div", {},
        h("h5", {}, "Neighbours on the front"),
        near.length
          ? h("ul", { class: "neighbors" }, near.map((j) => h("li", {},
            h("a", { href: `#${front.anchor(j)}` }, `cell ${front.cells[j]}`), h("span", { class: "soft" }, ` ${front.words(j)}`))))
          : h("p", { class: "soft" }, shown ? "None: every step away from it, one edge or one operation, leaves the front." : "It is not on the front."),
        h("h5", {}, "Use it"),
        front.onnx[cell] ? h("p", {}, h("a", { href: front.onnx[cell], download: `${cell}.onnx` }, `${cell}.onnx`), h("span", { class: "soft" }, ", the trained network")) : null,
        front.commands.map(([what, text]) => [h("p", { class: "soft what" }, what), command(text.replaceAll("@CELL@", cell))]),
        !shown ? null : h("dl", { class: "facts codes" },
          h("dt", {}, "genotype"), h("dd", {}, h("code", {}, front.genotypes[k]), copyButton(front.genotypes[k])),
          h("dt", {}, "hash"), h("dd", {}, h("code", {}, front.hashes[k]), copyButton(front.hashes[k]))))),
  ];
}

function operationTable(front, k) {
  const rows = cellRows(front.graphs[k]).map((row) => h("tr", {}, row.map((value) => h("td", {}, value))));
  return h("table", { class: "operations" }, h("caption", {}, "Operations"),
    h("thead", {}, h("tr", {}, ["vertex", "operation", "inputs from"].map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, rows));
}

const legend = () => h("figcaption", { class: "legend" },
  [...OPERATIONS].map(([name, kind]) => h("span", {}, h("i", { class: `swatch ${kind}`, "aria-hidden": "true" }), name)));

/** Open the cell that the address names; true where it names one. */
function followAddress() {
  const name = decodeURIComponent(location.hash.slice(1));
  for (const front of opened) {
    const k = front.cells.findIndex((_, j) => front.anchor(j) === name);
    if (k >= 0) { openCell(front, k, true); return true; }
  }
  return false;
}
