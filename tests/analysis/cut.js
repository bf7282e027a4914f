// All that is cut, spills over or covers another label on an eomoo page, in words.
const bad = [];
const rect = (n) => n.getBoundingClientRect();
const shown = (n) => n.checkVisibility({ visibilityProperty: true }) && rect(n).width > 0 && !n.closest(".tip, .skip, .hidden, nav ul");
const named = (n) => `${n.tagName}.${n.getAttribute("class") ?? ""} ${n.textContent.trim().slice(0, 40)}`;
for (const n of document.querySelectorAll("body *:not(svg *)")) {
  if (!shown(n)) continue;
  const style = getComputedStyle(n);
  const leaf = n.matches("dt, dd, th, td, p, li, label, button, h1, h2, h3, h4, h5, code");
  const spills = n.clientWidth && style.display !== "inline" && n.scrollWidth > n.clientWidth + 1;
  if (spills && (leaf || style.overflowX !== "visible")) bad.push(`cut: ${named(n)}`);
  const panel = n.closest(".panel, .answer, .tile, nav, .front > div:last-child");
  if (panel && panel !== n && rect(n).right > rect(panel).right + 1) bad.push(`beyond its panel: ${named(n)}`);
  if (rect(n).right > innerWidth + 1 || rect(n).left < -1) bad.push(`beyond the page: ${named(n)}`);
}
for (const svg of document.querySelectorAll("svg.plot")) {
  if (!shown(svg)) continue;
  const panel = rect(svg.closest(".panel"));
  const texts = [...svg.querySelectorAll("text")].filter((t) => t.textContent && shown(t)).map((t) => [t, rect(t)]);
  texts.forEach(([t, a], k) => {
    if (a.left < panel.left || a.right > panel.right || a.top < panel.top || a.bottom > panel.bottom || t.textContent.includes("…")) bad.push(`label cut: ${named(t)}`);
    for (const [o, b] of texts.slice(0, k)) {
      const [w, h] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
      if (w > 1 && h > 4) bad.push(`labels overlap: ${named(o)} | ${named(t)}`);
    }
  });
}
for (const svg of document.querySelectorAll("svg.cell")) {
  if (!shown(svg)) continue;
  const own = rect(svg);
  for (const t of svg.querySelectorAll("text")) if (rect(t).left < own.left - 1 || rect(t).right > own.right + 1) bad.push(`label cut: ${named(t)}`);
}
return bad;
