// The choice under limits: a slider for each quantity, and the cell to take.
function choicePanel(front) {
  const sliders = front.columns.map((column, c) => slider(front, column, c)).filter(Boolean);
  const answer = h("div", { class: "answer", "aria-live": "polite" });
  const prefer = h("select", { onchange: (e) => { front.prefer = e.target.value; front.tell("limits"); } },
    front.columns.map((c, k) => h("option", { value: k }, `${c.better === "max" ? "highest" : "lowest"} ${c.title}`)),
    front.objectives.length > 1 ? h("option", { value: "knee" }, "the knee of what is left") : null);
  const uncertain = front.columns.some((c) => c.sd);
  const margin = h("input", { type: "checkbox", onchange: (e) => { front.margin = e.target.checked; front.tell("limits"); } });
  const reset = h("button", { type: "button", class: "quiet", onclick: () => front.clear() }, "no limits");

  function update() {
    const k = front.choice;
    const left = front.within.length;
    reset.hidden = front.limits.size === 0;
    if (k < 0) {
      answer.replaceChildren(h("p", { class: "none" }, "No cell of the front meets these limits. Loosen one."));
      return;
    }
    answer.replaceChildren(
      h("p", { class: "soft" }, front.limits.size ? `${limitWords(front)}: ${left} of ${front.n} cells are left. Take` : "Without limits, take"),
      h("div", { class: "take" },
        drawCell(front.graphs[k], `drawing of cell ${front.cells[k]}`),
        h("div", {},
          h("a", { href: `#${front.anchor(k)}`, class: "cell-name" }, `cell ${front.cells[k]}`),
          front.knee === k ? h("span", { class: "badge" }, "knee") : null,
          front.facts(k, true))));
  }

  front.listen((what) => { if (what === "limits") { sliders.forEach((x) => x.update()); update(); } });
  const node = h("div", { class: "choice panel" },
    h("h4", {}, "Choose under limits"),
    h("div", { class: "sliders" }, sliders.map((x) => x.node)),
    uncertain ? h("label", { class: "check" }, margin, " with one standard deviation to spare") : null,
    h("div", { class: "prefer" }, h("label", {}, "then prefer the ", prefer), reset),
    answer);
  update();
  return node;
}

function limitWords(front) {
  return [...front.limits].map(([c, [low, high]]) => {
    const { title, unit } = front.columns[c];
    if (low !== null && high !== null) return `${title} from ${show(low)} to ${quantity(high, unit)}`;
    return high !== null ? `${title} at most ${quantity(high, unit)}` : `${title} at least ${quantity(low, unit)}`;
  }).join(", ");
}

/** A slider and a number for the worst acceptable value of a column. */
function slider(front, column, c) {
  const [low, high] = extent([column.values], 0);
  if (!(high > low)) return null;
  const most = column.better !== "max";
  const step = Number((niceStep(high - low, 200) ?? 1).toPrecision(3));
  const [from, to] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  const open = most ? to : from;
  const words = `${column.title} at ${most ? "most" : "least"}`;
  const clean = (v) => Number(v.toPrecision(8));
  const range = h("input", { type: "range", min: clean(from), max: clean(to), step, value: clean(open), "aria-label": withUnit(words, column.unit), "data-column": column.name });
  const box = h("input", { type: "number", step: "any", "aria-label": withUnit(words, column.unit), placeholder: "any" });
  const set = (value) => {
    const none = value === null || (most ? value >= to : value <= from);
    front.limit(c, most || none ? null : value, most && !none ? value : null);
  };
  range.addEventListener("input", () => set(Number(range.value)));
  box.addEventListener("change", () => set(box.value === "" ? null : Number(box.value)));
  const update = () => {
    const limits = front.limits.get(c);
    const value = limits ? limits[most ? 1 : 0] : null;
    range.value = value ?? open;
    range.setAttribute("aria-valuetext", value === null ? "no limit" : quantity(value, column.unit));
    if (document.activeElement !== box) box.value = value ?? "";
    node.classList.toggle("set", Boolean(limits));
  };
  const node = h("div", { class: "slider" },
    h("span", { class: "name" }, column.title, h("span", { class: "soft" }, most ? " at most" : " at least")),
    range, h("span", { class: "entry" }, box, h("span", { class: "soft unit" }, column.unit)));
  update();
  return { node, update };
}
