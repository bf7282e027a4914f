// Elements, numbers and files: what every other part of the page stands on. Text enters the page
// as text nodes and attributes only, never as markup.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** A value for people, as eomoo.plots.number writes it: counts with thousands, others to four digits, M and G. */
function show(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  const [size, digits] = [Math.abs(value), Number(value.toPrecision(4))];
  if (size >= 1e12 || (value && size < 1e-4)) return digits.toExponential();
  if (Number.isInteger(value) || (size >= 9999.5 && size < 1e6)) return Math.round(value).toLocaleString("en");
  return size >= 1e6 ? brief(digits) : digits.toLocaleString("en", { maximumFractionDigits: 8 });
}

/** A value for an axis: short, with k, M and G. */
function brief(value, digits = 6) {
  const size = Math.abs(value);
  if (size >= 1e12 || (value && size < 1e-4)) return Number(value.toPrecision(digits)).toExponential();
  for (const [limit, letter] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (size >= limit) return `${Number((value / (letter === "k" ? 1e3 : limit)).toPrecision(Math.max(4, digits - 2)))} ${letter}`;
  }
  return Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 8 });
}

/** A standard deviation, to two digits. */
function spread(value) {
  const known = Number(value.toPrecision(2));
  const digits = known > 0 ? Math.max(0, 1 - Math.floor(Math.log10(known))) : 0;
  return digits > 8 ? show(known) : known >= 1e6 ? brief(known) : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** How all values of a column are shown: as exact as their deviations, else as its largest needs for four digits. */
function columnFormat(values, sd) {
  const good = values.filter((v) => v !== null);
  const most = Math.max(...good.map(Math.abs), 0);
  if (most >= 1e12 || (most >= 1e6 && !good.every(Number.isInteger))) return show;
  if (good.every(Number.isInteger) || most >= 1e4) return (v) => (v === null ? "–" : Math.round(v).toLocaleString("en"));
  const spreads = (sd ?? []).slice(0, values.length).filter((v) => v > 0).sort((a, b) => a - b);
  const least = spreads[spreads.length >> 1];
  let digits = Math.max(0, least ? 1 - Math.floor(Math.log10(least)) : 3 - Math.floor(Math.log10(most)));
  if (digits > (least ? 8 : 7)) return show;
  // Shares of so many draws end earlier.
  while (!least && digits > 2 && good.every((v) => Number(v.toFixed(digits - 1)) === Number(v.toFixed(8)))) digits -= 1;
  return (v) => (v === null ? "–" : v.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
}

const withUnit = (title, unit) => (unit ? `${title} (${unit})` : title);

/** Rows as CSV by RFC 4180; a text that a spreadsheet would take for a formula gets an apostrophe. */
function csvText(rows) {
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) && !Number.isFinite(Number(value)) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function saveFile(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 30000);
}

/** A button that saves rows, made when it is pressed, as a CSV file. */
function csvButton(name, rows) {
  return h("button", {
    type: "button", class: "quiet", title: `Save ${name}.csv`, "aria-label": `Save as CSV: ${name}`,
    onclick: () => saveFile(`${name}.csv`, csvText(rows()), "text/csv"),
  }, "CSV ↓");
}

function copyButton(text) {
  const button = h("button", { type: "button", class: "quiet copy", "aria-label": `Copy: ${text}` }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = h("textarea", { class: "hidden" }, text);
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
  return button;
}

/** A command, whose words keep together at their hyphens. */
function command(text) {
  const words = text.split(/( )/).map((part) => (part === " " ? part : h("span", {}, part)));
  return h("div", { class: "command" }, h("code", {}, words), copyButton(text));
}

let announcer = null;
/** Say something to readers who listen. */
function announce(text) {
  announcer ||= document.body.appendChild(h("div", { class: "hidden", role: "status", "aria-live": "polite" }));
  announcer.textContent = text;
}

/** Draw as soon as a host has a width, and whenever it changes. */
function drawFitted(host, draw) {
  let width = 0;
  new ResizeObserver(() => {
    const now = Math.floor(host.clientWidth);
    if (now && now !== width) { width = now; draw(now); }
  }).observe(host);
}
