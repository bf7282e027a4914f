// The front as a scatter plot: hover, click and arrow keys look at cells.
function showTip(front, k, px, py) {
  tip.replaceChildren(
    drawCell(front.graphs[k], ""),
    h("div", {},
      h("strong", {}, `cell ${front.cells[k]}`),
      front.badges(k, front.optimal?.[k] && `on the ${front.bestFront}`),
      front.facts(k, true)));
  placeTip(px, py);
}

/** Where a bar of one standard deviation ends: not where no value can be. */
function barEnd(c, k, sign) {
  const [low, high] = c.possible;
  return Math.min(high ?? Infinity, Math.max(low ?? -Infinity, c.values[k] + sign * c.sd[k]));
}

/** Draw a front's scatter plot into a host; options: x, y (columns), wide view, layers, height, small. */
function scatterPlot(host, front, options) {
  let marks = [];
  let points = [];
  let rings = null;
  const column = (axis) => front.columns[options[axis]];

  function spanned(c, index) {
    const bars = options.bars && c.sd ? [-1, 1].map((sign) => c.front.map((_, k) => barEnd(c, k, sign))) : [];
    const lists = [options.everything ? c.values : c.front, ...bars];
    const hasCloud = index < front.objectives.length;
    if (c.measured) lists.push(c.measured);
    if (front.trueFront && hasCloud) lists.push(front.trueFront.values[index]);
    // The front fills the plot: of a wide band as much is shown beside it again.
    const [low, high] = extent(lists, 0);
    const beside = isWide(c.front) ? [low ** 2 / high, high ** 2 / low] : [2 * low - high, 2 * high - low];
    const [least, most] = options.everything || low === high ? [-Infinity, Infinity] : beside;
    if (options.band && hasCloud) front.band.forEach(({ outline }) => lists.push(outline[index].map((v) => Math.min(most, Math.max(least, v)))));
    return lists;
  }

  function draw(width) {
    const small = options.small;
    const natural = small ? Math.min(260, Math.max(190, width * 0.8)) : Math.min(590, Math.max(330, width * 0.63));
    // Beside a taller panel the plot fills its place, up to what is still read as a plane; its keys stay below it even so.
    host.replaceChildren();
    host.style.flex = "";
    const height = matchMedia("(min-width: 1101px)").matches && !small ? Math.max(natural, Math.min(1.2 * width, host.clientHeight)) : natural;
    host.style.flex = "none";
    const [cx, cy] = [column("x"), column("y")];
    const box = plotBox(width, height, [withUnit(cx.title, cx.unit), withUnit(cy.title, cy.unit)], small);
    const y = withRoom(box, columnScale(cy, spanned(cy, options.y), [box.bottom, box.top], 0.06));
    const x = columnScale(cx, spanned(cx, options.x), [box.left, box.right], 0.06);
    const layers = clipped(box);
    const inner = layers.lastChild;
    const both = options.x < front.objectives.length && options.y < front.objectives.length;
    if (both && options.band) front.band.forEach(({ outline }) => inner.append(s("path", { d: polygon(outline[options.x], outline[options.y], x, y), class: "sure" })));
    if (options.seen) inner.append(s("path", { d: dots(cx.values.slice(front.n), cy.values.slice(front.n), x, y, box), class: "seen" }));
    if (both && front.trueFront && options.truth) inner.append(trueFrontMarks(x, y));
    if (options.bars) inner.append(s("path", { d: errorBars(cx, cy, x, y), class: "bars" }));
    points = front.all.map((k) => [x(cx.values[k]), y(cy.values[k])]);
    const r = small ? 3 : front.n > 400 ? 3 : 4.5;
    marks = points.slice(0, front.n).map(([px, py], k) => (k === front.knee
      ? s("path", { d: `M${px},${py - r - 4}l${r + 4},${r + 4}l-${r + 4},${r + 4}l-${r + 4},-${r + 4}z`, class: "mark knee" })
      : s("circle", { cx: px, cy: py, r, class: front.takes && !front.takes.includes(front.cells[k]) ? "mark member" : "mark" })));
    marks.forEach((mark, k) => front.known(k) && mark.classList.add(...front.known(k).split(" ").slice(-1)));
    rings = s("g", {});
    inner.append(s("path", { d: measuredMarks(cx, cy, x, y), class: "found-true" }), ...marks, rings);
    const svg = s("svg", { width, height: box.height, viewBox: `0 0 ${width} ${box.height}` },
      drawAxes(box, x, y, small), layers);
    attach(svg);
    host.replaceChildren(svg);
    update();
  }

  const polygon = (xs, ys, x, y) => `M${xs.map((v, k) => `${x(v).toFixed(1)},${y(ys[k]).toFixed(1)}`).join("L")}Z`;

  const trueFrontMarks = (x, y) => {
    const { values } = front.trueFront;
    const r = options.small ? 4.5 : 6.5;
    const d = values[options.x].map((v, k) => {
      const [px, py] = [x(v), y(values[options.y][k])];
      return `M${(px - r).toFixed(1)},${py.toFixed(1)}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`;
    }).join("");
    return s("path", { d, class: "truth" });
  };

  /** From what was predicted of a cell to what was measured, with a cross there. */
  const measuredMarks = (cx, cy, x, y) => front.on.map((k) => {
    const [mx, my] = [cx.measured?.[k] ?? null, cy.measured?.[k] ?? null];
    if (mx === null && my === null) return "";
    const [px, py] = [x(mx ?? cx.values[k]), y(my ?? cy.values[k])];
    return `M${points[k][0]},${points[k][1]}L${px},${py}m-4,-4l8,8m-8,0l8,-8`;
  }).join("");

  const errorBars = (cx, cy, x, y) => front.on.map((k) => {
    const [vx, vy] = [cx.values[k], cy.values[k]];
    return (cx.sd?.[k] ? `M${x(barEnd(cx, k, -1))},${y(vy)}H${x(barEnd(cx, k, 1))}` : "")
      + (cy.sd?.[k] ? `M${x(vx)},${y(barEnd(cy, k, -1))}V${y(barEnd(cy, k, 1))}` : "");
  }).join("");

  function update() {
    const choice = front.choice;
    marks.forEach((mark, k) => mark.classList.toggle("out", !front.inside(k)));
    const ring = (k, kind, r) => k >= 0 && points[k] && rings.append(s("circle", { cx: points[k][0], cy: points[k][1], r, class: `ring ${kind}` }));
    rings.replaceChildren();
    ring(choice, "choice", 10);
    ring(front.selected, "selected", 8);
    ring(front.hovered, "hovered", 7);
  }

  function nearest(event, reach) {
    const frame = host.firstChild.getBoundingClientRect();
    const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
    let [best, distance] = [-1, reach];
    points.slice(0, front.n).forEach(([x, y], k) => {
      const d = Math.hypot(x - px, y - py);
      if (d < distance) [best, distance] = [k, d];
    });
    return best;
  }

  function point(k) {
    front.hover(k);
    if (k < 0) { hideTip(); return; }
    const frame = host.firstChild.getBoundingClientRect();
    showTip(front, k, frame.left + points[k][0], frame.top + points[k][1]);
  }

  function attach(svg) {
    fill(svg, {
      class: "plot scatter", tabindex: 0, role: "application", "aria-roledescription": "scatter plot",
      "aria-label": `${column("x").title} and ${column("y").title} of the ${front.n} cells of the front. ` +
        "Arrow keys go from cell to cell, Enter opens a cell.",
      onpointermove: (e) => { if (e.pointerType !== "touch") point(nearest(e, 28)); },
      onpointerleave: () => point(-1),
      onblur: () => point(-1),
      onclick: (e) => { const k = nearest(e, 34); if (k >= 0) { point(-1); openCell(front, k, true); } },
      onkeydown: walk,
    }, []);
  }

  function walk(event) {
    const order = [...front.on].sort((a, b) => points[a][0] - points[b][0]);
    const at = order.indexOf(front.hovered);
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
    let to = null;
    if (event.key in steps) to = at < 0 ? order.indexOf(front.choice) : at + steps[event.key];
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = order.length - 1;
    else if ((event.key === "Enter" || event.key === " ") && at >= 0) openCell(front, order[at], true);
    else if (event.key === "Escape") { point(-1); return; } else return;
    event.preventDefault();
    if (to === null) { hideTip(); return; }
    const k = order[Math.min(order.length - 1, Math.max(0, to))];
    point(k);
    announce(`cell ${front.cells[k]}: ${front.words(k)}`);
  }

  front.listen(() => { if (rings) update(); });
  drawFitted(host, draw);
  return { redraw: () => { if (host.clientWidth) draw(Math.floor(host.clientWidth)); } };
}
