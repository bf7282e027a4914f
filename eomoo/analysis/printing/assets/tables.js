// Tables that sort by any column, and save what they show.
const numberOf = (cell) => (cell.dataset.value === undefined ? null : Number(cell.dataset.value));

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = h("button", { type: "button", class: "sort" }, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * compare(a.cells[column], b.cells[column])));
      table.dispatchEvent(new Event("sorted"));
    });
  });
}

function compare(a, b) {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null && y !== null) return x - y;
  if (x !== null || y !== null) return x === null ? 1 : -1;
  return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}

/** A table that fits its box: the last columns but those that are kept are hidden, and shown on request. */
function fitTable(table) {
  const box = table.parentElement;
  const keep = new Set((table.dataset.keep ?? "").split(" ").filter(Boolean).map(Number));
  const more = h("button", { type: "button", class: "quiet columns", hidden: true });
  let whole = false;
  const hide = (k, off) => [...table.rows].forEach((row) => { if (row.cells[k]) row.cells[k].hidden = off; });
  const fit = () => {
    const columns = [...table.tHead.rows[0].cells].map((_, k) => k);
    columns.forEach((k) => hide(k, false));
    const spare = columns.slice(1).filter((k) => !keep.has(k));
    const tooWide = () => table.scrollWidth > box.clientWidth + 1;
    let hidden = 0;
    while (!whole && spare.length && tooWide()) { hide(spare.pop(), true); hidden++; }
    more.hidden = !hidden && !whole;
    more.setAttribute("aria-expanded", whole);
    more.textContent = whole ? "fewer columns" : `${hidden} more column${hidden > 1 ? "s" : ""}`;
  };
  more.addEventListener("click", () => { whole = !whole; fit(); });
  box.after(more);
  let width = 0;
  new ResizeObserver(() => { if (box.clientWidth !== width) { width = box.clientWidth; fit(); } }).observe(box);
}

function tableRows(table) {
  const measured = [...table.tHead.rows[0].cells].map((_, k) => [...table.tBodies[0].rows].some((row) => row.cells[k].dataset.low !== undefined));
  const head = [...table.tHead.rows[0].cells].flatMap((c, k) => (measured[k] ? ["", ", first quartile", ", third quartile"].map((t) => c.textContent + t) : [c.textContent]));
  const values = (c, k) => (measured[k] ? [numberOf(c), ...[c.dataset.low, c.dataset.high].map((v) => (v === undefined ? null : Number(v)))] : [numberOf(c) ?? c.textContent]);
  return [head, ...[...table.tBodies[0].rows].map((row) => [...row.cells].flatMap(values))];
}

/** The front as a table: the first rows, all of them on demand. */
function frontTable(front, most = 25) {
  const heads = ["cell", ...front.columns.flatMap((c) => [withUnit(c.title, c.unit), ...(c.sd ? ["±"] : []), ...(c.measured ? ["measured"] : [])])];
  if (front.foundBy) heads.push(`found by (of ${front.nRuns} runs)`);
  const number = (v, format) => h("td", { class: "number", "data-value": v }, format(v));
  const body = h("tbody", {}, front.on.map((k) => h("tr", {},
    h("td", { class: "number", "data-value": front.cells[k] }, h("a", { href: `#${front.anchor(k)}` }, String(front.cells[k]))),
    front.columns.flatMap((c) => [number(c.values[k], c.show), c.sd ? number(c.sd[k], spread) : null,
      !c.measured ? null : c.measured[k] === null ? h("td", { class: "number" }, "-") : number(c.measured[k], c.show)]),
    front.foundBy ? number(front.foundBy[k], show) : null,
    front.basis[k].length ? h("td", { title: front.basis[k][1] || "" }, front.known(k)) : null)));
  const table = h("table", { class: "front-table" }, h("thead", {}, h("tr", {}, heads.map((t) => h("th", { scope: "col", class: "number" }, t)),
    front.basis[0]?.length ? h("th", { scope: "col" }, "basis") : null)), body);
  if (front.n <= most + 15) most = Infinity;
  const more = h("button", { type: "button", class: "more" });
  const trim = () => [...body.rows].forEach((row, k) => row.classList.toggle("beyond", k >= most));
  const paint = () => [...body.rows].forEach((row) => row.classList.toggle("out", !front.inside(front.cells.indexOf(Number(row.cells[0].dataset.value)))));
  more.textContent = `${front.n - most} more cell${front.n - most > 1 ? "s" : ""}`;
  more.addEventListener("click", () => { most = Infinity; trim(); more.remove(); });
  sortable(table);
  table.addEventListener("sorted", trim);
  front.listen((what) => { if (what === "limits") paint(); });
  trim();
  const label = `The ${front.n} cells of the front`;
  const host = h("div", {}, h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table), front.n > most ? more : null);
  fitTable(table);
  return host;
}
