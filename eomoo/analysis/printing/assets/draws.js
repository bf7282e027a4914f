// Joint draws of the true values: in how many a cell keeps limits, is better than another, or is the best of all.
class Draws {
  constructor({ cells, n, values }, columns) {
    this.n = n;
    this.row = new Map(cells.map((k, row) => [k, row]).filter(([k]) => k >= 0));
    this.cells = [...this.row.keys()];
    this.values = new Map(columns.filter((c) => values[c.name]).map((c) => {
      const { low, high, bytes } = values[c.name];
      const part = (code, row) => low[row] + (high[row] - low[row]) * code / 255;
      return [c, Float64Array.from(atob(bytes), (one, at) => part(one.charCodeAt(0), Math.floor(at / n)))];
    }));
  }

  isVague(column) { return this.values.has(column); }

  /** The value of the k-th cell in the d-th draw; what is exact is the same in all. */
  at(column, k, d) {
    const drawn = this.values.get(column);
    return drawn ? drawn[this.row.get(k) * this.n + d] : column.values[k];
  }

  minimised(column, k, d) { return (column.better === "max" ? -1 : 1) * this.at(column, k, d); }

  share(holds) { return [...Array(this.n).keys()].filter(holds).length / this.n; }

  /** In what share of the draws a cell keeps limits, each a column with its [low, high]. */
  holding(k, limits) { return this.share((d) => this.keeping(k, limits, d)); }
  keeping(k, limits, d) { return limits.every(([column, limit]) => keeps(this.at(column, k, d), limit, 0)); }

  /** In what share a cell keeps limits and no other that does is better in a column. */
  best(k, limits, column) {
    return this.share((d) => {
      const mine = this.minimised(column, k, d);
      return this.keeping(k, limits, d) && !this.cells.some((j) => this.minimised(column, j, d) < mine && this.keeping(j, limits, d));
    });
  }

  /** Whether one of two cells is better in a column in 95 % of the draws; equal values tell for both sides half. */
  told(column, j, k) {
    const better = (a, b) => this.share((d) => this.minimised(column, a, d) < this.minimised(column, b, d));
    return Math.abs(better(j, k) - better(k, j)) >= 0.9;
  }
}
