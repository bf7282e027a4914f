// A figure as a file of its own, with its legend: SVG with its looks written in, or PNG.
const LOOKS = "fill fill-opacity stroke stroke-width stroke-dasharray stroke-linejoin stroke-linecap opacity font-size font-weight font-family text-anchor paint-order visibility".split(" ");

/** A colour as every reader of SVG knows it, which is not color(srgb ...). */
function plainColor(text) {
  const parts = text.match(/^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)/);
  return parts ? `rgb(${parts.slice(1).map((v) => Math.round(255 * v)).join(",")})` : text;
}

function withLooks(node) {
  const copy = node.cloneNode(true);
  const to = [copy, ...copy.querySelectorAll("*")];
  [node, ...node.querySelectorAll("*")].forEach((from, k) => {
    const style = getComputedStyle(from);
    for (const name of LOOKS) to[k].setAttribute(name, plainColor(style.getPropertyValue(name)));
    for (const name of ["class", "tabindex", "role"]) to[k].removeAttribute(name);
  });
  return copy;
}

/** A figure's plot and its legend, where they stand on the page. */
function figureSvg(figure) {
  const plot = figure.querySelector("svg.plot, svg.cell");
  const home = plot.getBoundingClientRect();
  const place = (node, copy) => {
    const { left, top, width, height } = node.getBoundingClientRect();
    return fill(copy, { x: left - home.left, y: top - home.top, width, height }, []);
  };
  const parts = [place(plot, withLooks(plot))];
  let [low, high] = [0, home.height];
  const walk = (node, item) => {
    if (node.nodeName === "svg") parts.push(place(node, withLooks(node)));
    else if (node.nodeName === "#text") {
      const range = document.createRange();
      range.selectNodeContents(node);
      const { left, bottom } = range.getBoundingClientRect();
      const style = getComputedStyle(item);
      parts.push(s("text", { x: left - home.left, y: bottom - home.top - 5, fill: style.color, "font-size": style.fontSize, "font-family": style.fontFamily }, node.data));
    } else {
      const style = getComputedStyle(node);
      if (node.nodeName === "I") parts.push(fill(place(node, s("rect")), { width: 12, height: 12, fill: plainColor(node.matches(".swatch") ? style.backgroundColor : style.borderLeftColor) }, []));
      node.childNodes.forEach((child) => walk(child, node));
    }
  };
  for (const item of figure.querySelectorAll(".keys > *, .legend > *")) {
    const { top, bottom } = item.getBoundingClientRect();
    [low, high] = [Math.min(low, top - home.top), Math.max(high, bottom - home.top)];
    walk(item, item);
  }
  const [width, height] = [home.width + 16, high - low + 16];
  const box = { x: -8, y: low - 8, width, height };
  const paper = s("rect", { ...box, fill: plainColor(getComputedStyle(figure).backgroundColor) });
  const whole = s("svg", { xmlns: SVG, width, height, viewBox: Object.values(box).join(" ") }, paper, parts);
  return { text: new XMLSerializer().serializeToString(whole), width, height };
}

function savePng(name, { text, width, height }) {
  const image = new Image();
  image.onload = () => {
    // Twice the screen's pixels, so that print is sharp.
    const canvas = h("canvas", { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
    canvas.toBlob((blob) => saveFile(`${name}.png`, blob, "image/png"));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

/** Buttons that save what a figure shows, with others before them. */
function fileButtons(name, figure, ...others) {
  const button = (kind, save) => h("button", {
    type: "button", class: "quiet", title: `Save ${name}.${kind.toLowerCase()}`, "aria-label": `Save as ${kind}: ${name}`, onclick: save,
  }, `${kind} ↓`);
  return h("span", { class: "files" }, others,
    button("SVG", () => saveFile(`${name}.svg`, figureSvg(figure).text, "image/svg+xml")), button("PNG", () => savePng(name, figureSvg(figure))));
}
