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
    const within = front.within;
    const on = within.filter((j) => j < front.n).length;
    reset.hidden = front.limits.size === 0;
    if (k < 0) {
      answer.replaceChildren(h("p", { class: "none" }, "No evaluated cell meets these limits. Loosen one."), outside(k));
      return;
    }
    answer.replaceChildren(
      h("p", { class: "soft" }, front.limits.size ? `${limitWords(front)}: ${counted(within.length)} of ${counted(front.all.length)} ${front.evaluated} are left, ${counted(on)} of them on the front. Take`
        : front.ownLimits ? "Within the run's own limits, take" : "Without limits, take"),
      h("div", { class: "take" },
        drawCell(front.graphs[k], `drawing of cell ${front.cells[k]}`),
        h("div", {},
          h("a", { href: `#${front.anchor(k)}`, class: "cell-name" }, `cell ${front.cells[k]}`),
          front.badges(k),
          front.facts(k, true))),
      oddsWords(k), alike(k), outside(k));
    markWords(answer);
  }

  const probable = (share) => (share === 0 ? `below ${show(1 / front.draws.n)}`
    : share === 1 ? `above ${show(1 - 1 / front.draws.n)}` : share.toFixed(3));

  /** How probably it keeps the limits and is the best answer, from joint draws. */
  function oddsWords(k) {
    const { holds, best } = front.odds(k);
    if (holds === null && best === null) return "";
    const n = front.draws.cells.length;
    const of = n < front.all.length ? `${counted(n)} of the ${counted(front.all.length)}` : `all ${counted(n)}`;
    const parts = [
      holds === null ? "" : `keeps ${front.limits.size ? "these" : "the problem's"} limits with probability ${probable(holds)}`,
      best === null ? "" : `is the best answer among ${of} ${front.evaluated} with probability ${probable(best)}`,
    ].filter(Boolean);
    return h("p", { class: "holds" }, `It ${parts.join(", and ")}, in ${front.draws.n} joint draws.`);
  }

  /** Several answers that nobody could tell apart are one: how many, and which of them is best elsewhere. */
  function alike(k) {
    const same = front.same(k);
    if (!same.length) return "";
    const column = front.columns[Number(front.prefer)];
    const other = front.objectives.find((o) => o !== column) ?? front.columns.find((c) => c.name === "params");
    const cheapest = [k, ...same].reduce((a, b) => (other && other.minimised[b] < other.minimised[a] ? b : a));
    const what = column ? ` in ${column.title}${front.draws?.isVague(column) ? " (at 95 %)" : ""}` : "";
    return h("p", { class: "alike" }, `${counted(same.length)} other${same.length > 1 ? "s" : ""}${front.limits.size || front.ownLimits ? " within these limits" : ""} cannot be told from it${what}`,
      cheapest === k ? "." : [`; of them all `, h("a", { href: `#${front.anchor(cheapest)}` }, `cell ${front.cells[cheapest]}`),
        ` has the ${other.better === "max" ? "highest" : "lowest"} ${other.title}: ${other.show(other.values[cheapest])} ${other.unit}`.trimEnd() + "."]);
  }

  const outside = (k) => (front.limits.size && front.outside(k) ? h("p", { class: "soft outside" }, front.outside(k)) : "");

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

const counted = (n) => n.toLocaleString("en");

/** A number as people write it: "3M", "3e6", "3 000 000", "2.5k", "2,5"; null where it is none. */
function readNumber(text) {
  const [, digits, letter] = text.replace(/[\s_\u2009\u202f]/g, "").match(/^([-+]?[\d.,]+(?:e[-+]?\d+)?)([kMG]?)$/i) ?? [];
  if (digits === undefined) return null;
  const plain = /^[-+]?\d{1,3}(,\d{3})+(?!\d)/.test(digits) ? digits.replaceAll(",", "") : digits.replace(/^([-+]?\d*),(\d+)(?=$|e)/i, "$1.$2");
  const value = Number(plain) * { "": 1, k: 1e3, m: 1e6, g: 1e9 }[letter.toLowerCase()];
  return Number.isFinite(value) ? Number(value.toPrecision(12)) : null;
}

/** A limit as it was set, in a form that can be read again. */
const exact = (value) => (value && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e12) ? value.toExponential() : value.toLocaleString("en", { maximumFractionDigits: 8 }));

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
  const [low, high] = extent([column.front], 0);
  if (!(high > low) || column.detail) return null;
  const most = column.better !== "max";
  // The slider counts steps, so that its ends are reached exactly: the last on the open side is no limit.
  const step = niceStep(high - low, 200);
  const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
  const open = most ? last : first;
  const words = withUnit(`${column.title} at ${most ? "most" : "least"}`, column.unit);
  const range = h("input", { type: "range", min: first, max: last, step: 1, value: open, "aria-label": words, "data-column": column.name });
  const box = h("input", { type: "text", inputmode: "text", "aria-label": words, placeholder: "any" });
  const set = (value) => front.limit(c, most ? null : value, most ? value : null);
  range.addEventListener("input", () => {
    const k = Number(range.value);
    set(k === open ? null : Number((k * step).toPrecision(8)));
  });
  box.addEventListener("change", () => {
    const value = readNumber(box.value);
    const wrong = value === null && box.value.trim() !== "";
    box.setAttribute("aria-invalid", wrong);
    box.title = wrong ? "no number; write 3M, 3e6, 2.5k or 3 000 000" : "";
    if (!wrong) set(value);
  });
  const node = h("div", { class: "slider" },
    h("span", { class: "name" }, column.title, h("span", { class: "soft" }, most ? " at most" : " at least")),
    range, h("span", { class: "entry" }, box, h("span", { class: "soft unit" }, column.unit)));
  const update = () => {
    const limits = front.limits.get(c);
    const value = limits ? limits[most ? 1 : 0] : null;
    range.value = value === null ? open : Math.round(value / step);
    range.setAttribute("aria-valuetext", value === null ? "no limit" : `${exact(value)} ${column.unit}`);
    if (document.activeElement !== box && (value !== null || box.getAttribute("aria-invalid") !== "true")) box.value = value === null ? "" : exact(value);
    node.classList.toggle("set", Boolean(limits));
  };
  update();
  return { node, update };
}
