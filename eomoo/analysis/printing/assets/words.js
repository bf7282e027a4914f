// What words mean: on hover and on focus wherever they stand, and in the glossary.
const words = [...document.querySelectorAll("#glossary dt")].map((node, k) => {
  const text = node.nextElementSibling;
  text.id = `word-${k}`;
  return { term: node.textContent.toLowerCase(), text };
}).sort((a, b) => b.term.length - a.term.length);

/** Mark the headings in a part of the page that the glossary explains. */
function markWords(root) {
  for (const node of root.querySelectorAll(".tile dt, .facts dt, .sort, .slider .name")) {
    const found = !node.closest("#glossary") && words.find(({ term }) => node.textContent.toLowerCase().split(/[^\p{L}()+±]+/u).join(" ").includes(term));
    if (!found) continue;
    node.classList.add("word");
    node.setAttribute("aria-describedby", found.text.id);
    if (node.tagName !== "BUTTON") node.tabIndex = 0;
  }
}

const tip = h("div", { class: "tip", "aria-hidden": "true" });
const hideTip = () => tip.classList.remove("shown");

/** Show the hint beside a place, within the window. */
function placeTip(px, py) {
  document.body.append(tip);
  const { width, height } = tip.getBoundingClientRect();
  const left = px + 18 + width < innerWidth ? px + 18 : Math.max(6, px - width - 18);
  const top = Math.min(Math.max(6, py - height / 2), innerHeight - height - 6);
  tip.style.transform = `translate(${Math.max(6, Math.min(left, innerWidth - width - 6))}px, ${top}px)`;
  tip.classList.add("shown");
}

function explain(node) {
  const { left, bottom } = node.getBoundingClientRect();
  tip.replaceChildren(h("p", {}, document.getElementById(node.getAttribute("aria-describedby")).textContent));
  placeTip(left - 12, bottom + tip.offsetHeight / 2 + 30);
}

const wordAt = (node) => node?.closest?.(".word");
for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, (event) => { if (wordAt(event.target)) explain(wordAt(event.target)); });
// Focus by key may scroll: the hint goes with its word.
addEventListener("scroll", () => (wordAt(document.activeElement) ? explain(document.activeElement) : hideTip()), { passive: true });
for (const kind of ["pointerout", "focusout"]) document.addEventListener(kind, (event) => { if (wordAt(event.target)) hideTip(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
