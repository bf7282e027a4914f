// The choice under limits: a slider for each quantity, and the cell to take.
function choicePanel(front) {
  const sliders = front.columns.map((column, c) => slider(front, column, c)).filter(Boolean);
  const answer = h("div", { class: "answer", "aria-live": "polite" });
  const prefer = h("select", { onchange: (e) => { front.prefer = e.target.value; front.tell("limits"); } },
    front.columns.map((c, k) => (c.detail ? null : h("option", { value: k }, `${c.better === "max" ? "highest" : "lowest"} ${c.title}`))),
    front.objectives.length > 1 ? h("option", { value: "knee" }, "the knee of what is left") : null);
  const uncertain = front.columns.some((c) => c.sd);
  const margin = h("input", { type: "checkbox", onchange: (e) => { front.margin = e.target.checked; front.tell("limits"); } });
  const reset = h("button", { type: "button", class: "quiet", onclick: () => front.clear() }, "clear limits");

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
          front.stands(k) ? h("span", { class: "badge plain" }, front.stands(k)) : null,
          front.badge(k),
          front.facts(k, true))),
      ...(front.holds(k) === null ? [] : [h("p", { class: "holds" }, `It keeps these limits with probability ${front.holds(k).toFixed(2)}.`)]));
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

const exact = (value) => value.toLocaleString("en", { maximumFractionDigits: 8 });

function limitWords(front) {
  return [...front.limits].map(([c, [low, high]]) => {
    const { title, unit } = front.columns[c];
    const words = low !== null && high !== null ? `from ${exact(low)} to ${exact(high)}`
      : high !== null ? `at most ${exact(high)}` : `at least ${exact(low)}`;
    return `${title} ${words} ${unit}`.trim();
  }).join(", ");
}

/** A slider and a number for the worst acceptable value of a column. */
function slider(front, column, c) {
  const [low, high] = extent([column.values], 0);
  if (!(high > low) || column.detail) return null;
  const most = column.better !== "max";
  // The slider counts steps, so that its ends are reached exactly: the last on the open side is no limit.
  const step = niceStep(high - low, 200);
  const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
  const open = most ? last : first;
  const words = withUnit(`${column.title} at ${most ? "most" : "least"}`, column.unit);
  const range = h("input", { type: "range", min: first, max: last, step: 1, value: open, "aria-label": words, "data-column": column.name });
  const box = h("input", { type: "number", step: "any", "aria-label": words, placeholder: "any" });
  const set = (value) => front.limit(c, most ? null : value, most ? value : null);
  range.addEventListener("input", () => {
    const k = Number(range.value);
    set(k === open ? null : Number((k * step).toPrecision(8)));
  });
  box.addEventListener("change", () => set(box.value === "" ? null : Number(box.value)));
  const node = h("div", { class: "slider" },
    h("span", { class: "name" }, column.title, h("span", { class: "soft" }, most ? " at most" : " at least")),
    range, h("span", { class: "entry" }, box, h("span", { class: "soft unit" }, column.unit)));
  const update = () => {
    const limits = front.limits.get(c);
    const value = limits ? limits[most ? 1 : 0] : null;
    range.value = value === null ? open : Math.round(value / step);
    range.setAttribute("aria-valuetext", value === null ? "no limit" : `${exact(value)} ${column.unit}`);
    if (document.activeElement !== box) box.value = value ?? "";
    node.classList.toggle("set", Boolean(limits));
  };
  update();
  return { node, update };
}
