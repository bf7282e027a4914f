(() => {
"use strict";
const [nav, said, button, frame] = ["nav", "#said", "#show", "iframe"].map((what) => document.querySelector(what));
let states = {}, shown = null, scroll = 0;

// What a reader has set on a page is not thrown away.
const touched = () => [...(frame.contentDocument?.querySelectorAll("input, select") ?? [])].some((field) =>
  field.matches("select") ? ![...field.options].every((o, k) => o.selected === (o.defaultSelected || (k === 0 && !field.querySelector("[selected]"))))
    : field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);

function show(name) {
  scroll = shown === name ? frame.contentWindow.scrollY : 0;
  shown = name;
  button.hidden = true;
  frame.src = `/page/${encodeURIComponent(name)}`;
  links();
}

function links() {
  nav.replaceChildren(...Object.keys(states).sort().map((name) => {
    const link = document.createElement("a");
    link.textContent = name === "" ? "this folder" : name;
    link.href = "#";
    if (name === shown) link.setAttribute("aria-current", "page");
    link.onclick = (event) => { event.preventDefault(); show(name); };
    return link;
  }));
}

async function look() {
  try {
    const before = states;
    states = await (await fetch("/states")).json();
    const names = Object.keys(states).sort();
    if (names.join("\n") !== Object.keys(before).sort().join("\n")) links();
    if (!names.length) said.textContent = shown === null ? "Nothing is here yet." : "What was here is gone; this is what it showed last.";
    else if (!(shown in states)) show(names[0]);
    else if (before[shown] !== states[shown]) touched() ? (button.hidden = false) : show(shown);
    if (names.length) said.textContent = `as of ${new Date().toLocaleTimeString()}`;
  } catch {
    said.textContent = "The server has ended; this is what it showed last.";
  }
  setTimeout(look, 2000);
}

button.onclick = () => show(shown);
frame.onload = () => frame.contentWindow.scrollTo(0, scroll);
look();
})();
