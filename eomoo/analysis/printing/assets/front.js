// One front: its cells, the limits that a reader sets, and the cell that is looked at.
class Front {
  constructor(data, place) {
    Object.assign(this, data);
    this.place = place;
    // The front's n cells come first, then the others that were evaluated.
    this.on = [...Array(data.n).keys()];
    this.all = [...data.cells.keys()];
    this.limits = new Map();
    this.margin = false;
    this.prefer = "0";
    this.hovered = -1;
    this.selected = -1;
    this.listeners = [];
    for (const column of this.columns) {
      column.front = column.values.slice(0, data.n);
      const told = columnFormat(column.front, column.sd);
      // A share of no draw is less than that of one, and one of all is no certainty.
      const ends = column.least ? { 0: `< ${show(column.least)}`, 1: `> ${show(1 - column.least)}` } : {};
      column.show = (v) => ends[v] ?? told(v);
      column.minimised ||= column.values;
    }
    this.objectives = this.columns.filter((c) => c.objective);
    // Cells outside a run's own limits are not among these.
    this.ownLimits = this.columns.some((c) => c.name.endsWith("_slack"));
    this.evaluated = this.ownLimits ? "cells evaluated within the run's own limits" : "cells evaluated";
    this.draws = data.drawn && new Draws(data.drawn, this.columns);
  }

  listen(listener) { this.listeners.push(listener); }
  tell(what) { for (const listener of this.listeners) listener(what); }

  hover(k) { if (k !== this.hovered) { this.hovered = k; this.tell("hover"); } }
  select(k) { this.selected = k; this.tell("select"); }

  /** What a cell stands for among those that cannot be told apart; "" where values are exact. */
  stands(k) {
    if (!this.takes) return "";
    const group = this.columns.find((c) => c.name === "group").values;
    if (k >= this.n || this.n === 1) return "";
    const n = group.filter((g) => g === group[k]).length;
    const take = this.takes[group[k] - 1];
    if (n === 1) return "told apart from all others on the front";
    return take === this.cells[k] ? `stands for ${n} cells` : `cannot be told from cell ${take}`;
  }

  /** What a cell's values rest on: measured, predicted or extrapolated, and why; "" where all are measured. */
  known(k) { return this.basis[k]?.[0] ?? ""; }

  /** What is to be known of a cell at first sight, as badges; what is plainly predicted has none that says so. */
  badges(k, optimal = null) {
    const plain = (text, title = null) => (text ? h("span", { class: "badge plain", title }, text) : null);
    const word = this.known(k);
    return [
      k === this.knee ? h("span", { class: "badge" }, "knee") : null,
      plain(optimal),
      plain(this.stands(k)),
      k >= this.n ? plain("evaluated, not on the front") : plain(word !== "predicted" && word, this.basis[k][1] || word),
    ];
  }

  /** The limits that a reader sets and those of the problem, each a column with its [low, high]. */
  get asked() {
    const posed = this.posed.map(([name, limit]) => [this.columns.find((c) => c.name === name), limit]);
    return [...[...this.limits].map(([c, limit]) => [this.columns[c], limit]), ...posed.filter(([column]) => column)];
  }

  /** How probably a cell keeps all limits in truth, and is then the best answer; null where that is no question. */
  odds(k) {
    const { draws, asked } = this;
    const column = this.columns[Number(this.prefer)];
    if (!draws?.row.has(k)) return { holds: null, best: null };
    const holds = asked.some(([c]) => draws.isVague(c)) ? draws.holding(k, asked) : null;
    return { holds, best: column && (holds !== null || draws.isVague(column)) ? draws.best(k, asked, column) : null };
  }

  /** Set a limit [low, high] on a column, null where open. */
  limit(column, low, high) {
    if (low === null && high === null) this.limits.delete(column);
    else this.limits.set(column, [low, high]);
    this.tell("limits");
  }

  clear() { this.limits.clear(); this.tell("limits"); }

  inside(k) {
    return [...this.limits].every(([c, limit]) => {
      const { values, sd } = this.columns[c];
      return keeps(values[k], limit, this.margin && sd ? sd[k] : 0);
    });
  }

  get within() { return this.all.filter((k) => this.inside(k)); }

  /** The cell to take under the limits: the best in one column, or the knee; -1 when none is left. */
  get choice() {
    const left = this.within;
    if (!left.length) return -1;
    if (this.prefer === "knee") return this.limits.size || this.knee === null ? this.kneeAmong(left) : this.knee;
    const c = Number(this.prefer);
    const { minimised } = this.columns[c];
    return left.reduce((a, b) => {
      if (minimised[a] === null || minimised[b] === null) return minimised[b] === null ? a : b;
      if (minimised[b] !== minimised[a]) return minimised[b] < minimised[a] ? b : a;
      // Ties go to the cell that is better elsewhere.
      const other = this.objectives.find((o) => o.minimised[b] !== o.minimised[a]);
      return other && other.minimised[b] < other.minimised[a] ? b : a;
    });
  }

  /** Other cells within the limits that nobody could tell from the k-th in what is preferred, its equals included. */
  same(k) {
    const [c, group] = [Number(this.prefer), this.columns.find((o) => o.name === "group")?.values];
    if (this.prefer === "knee") return k < this.n && group ? this.on.filter((j) => j !== k && group[j] === group[k] && this.inside(j)) : [];
    const { draws } = this;
    const column = this.columns[c];
    if (!draws?.isVague(column)) return this.within.filter((j) => j !== k && column.minimised[j] === column.minimised[k]);
    return this.within.filter((j) => j !== k && draws.row.has(k) && draws.row.has(j) && !draws.told(column, j, k));
  }

  /** What is known beyond the cells evaluated: the best of the front of all cells under the limits, in words. */
  outside(k) {
    const c = Number(this.prefer);
    if (!this.trueFront || this.prefer === "knee" || !this.columns[c].objective || this.margin) return "";
    const { cells, values, minimised, costs, n } = this.trueFront;
    // A table knows some cells only.
    const all = this.predicted ? "all cells" : "all cells with a known value";
    const limits = [...this.limits].map(([j, limit]) => [this.columns[j].objective ? values[j] : costs[this.columns[j].name], limit]);
    if (limits.some(([known]) => !known)) return "";
    const left = cells.map((_, j) => j).filter((j) => limits.every(([known, limit]) => keeps(known[j], limit, 0)));
    const best = left.reduce((a, b) => (a < 0 || minimised[c][b] < minimised[c][a] ? b : a), -1);
    if (best >= 0 && (k < 0 || minimised[c][best] < this.columns[c].minimised[k])) {
      const words = this.objectives.map((o, j) => `${o.title} ${o.show(values[j][best])} ${o.unit}`.trim()).join(", ");
      return `Outside of what was evaluated there is a better one on the ${this.bestFront} of ${all}: cell ${cells[best]}, ${words}.`;
    }
    const whole = n === cells.length && [...this.limits].every(([j, [low, high]]) => this.columns[j].objective && (this.columns[j].better === "max" ? high : low) === null);
    if (whole) return `Of ${all} none is ${this.predicted ? "predicted " : ""}better under these limits.`;
    const of = `of the ${this.bestFront} of ${all} that keep these limits`;
    return `${left.length ? `Of the ${left.length} cell${left.length > 1 ? "s" : ""} ${of} none is better` : `There is no cell ${of}`}; cells off that front were not looked at.`;
  }

  /** Largest distance from the plane through the normalised extremes (Das 1999). */
  kneeAmong(within) {
    const worse = (a, b) => this.objectives.every((o) => o.minimised[b] <= o.minimised[a]) && this.objectives.some((o) => o.minimised[b] < o.minimised[a]);
    const left = within.filter((a) => !within.some((b) => worse(a, b)));
    const spans = this.objectives.map((o) => {
      const v = left.map((k) => o.minimised[k]);
      const low = Math.min(...v);
      return [low, Math.max(...v) - low || 1];
    });
    const sum = (k) => this.objectives.reduce((t, o, j) => t + (o.minimised[k] - spans[j][0]) / spans[j][1], 0);
    return left.reduce((a, b) => (sum(b) < sum(a) - 1e-12 ? b : a));
  }

  /** Values of a cell in words: "error 12.3 ± 0.1 %, latency 8 ms". */
  words(k) {
    return this.objectives.map((o) => `${o.title} ${o.show(o.values[k])}${o.sd ? plusMinus(o.sd[k]) : ""} ${o.unit}`.trim()).join(", ");
  }

  /** Definition list of a cell's values; large numbers are shortened where there is little room. */
  facts(k, short = false) {
    const rows = this.columns.filter((c) => (c.values[k] !== null || k < this.n) && !(short && c.name === "group")).map((c) => [
      h("dt", {}, c.title),
      h("dd", {}, short && c.values[k] >= 1e6 ? brief(Number(c.values[k].toPrecision(3))) : c.show(c.values[k]),
        c.sd ? h("span", { class: "soft" }, plusMinus(c.sd[k])) : null, c.unit ? ` ${c.unit}` : "",
        c.measured && (c.measured[k] ?? null) !== null ? h("span", { class: "soft" }, ` (measured ${c.show(c.measured[k])})`) : null),
    ]);
    return h("dl", { class: "facts" }, rows);
  }

  csvRows() {
    const parts = (c, all) => all.filter((_, part) => !part || (part === 1 ? c.sd : c.measured));
    const head = ["cell", ...this.columns.flatMap((c) => parts(c, [c.name, `${c.name}_std`, `${c.name}_measured`]))];
    if (this.basis[0]?.length) head.push("basis");
    if (this.foundBy) head.push("found_by");
    head.push("within_limits", "genotype", "hash");
    return [head, ...this.on.map((k) => [
      this.cells[k], ...this.columns.flatMap((c) => parts(c, [c.values[k], c.sd?.[k], c.measured?.[k]])),
      ...(this.basis[0].length ? [this.known(k)] : []),
      ...(this.foundBy ? [this.foundBy[k]] : []), this.inside(k) ? "yes" : "no", this.genotypes[k], this.hashes[k],
    ])];
  }

  /** Whether uncertainties are small beside the front, so that bars of them do not hide it. */
  get isCertain() {
    const some = this.columns.filter((c) => c.sd);
    return some.length > 0 && some.every((c) => {
      const [low, high] = extent([c.front], 0);
      return Math.max(...c.sd.slice(0, this.n)) < 0.2 * (high - low);
    });
  }

  anchor(k) { return `cell-${this.cells[k]}${this.place > 1 ? `-${this.place}` : ""}`; }
}

/** Whether a value is within a limit, with some room; what is not known is not. */
function keeps(value, [low, high], room) {
  return value !== null && room !== null && (high === null || value + room <= high) && (low === null || value - room >= low);
}

const plusMinus = (sd) => (sd ? ` ± ${spread(sd)}` : "");
