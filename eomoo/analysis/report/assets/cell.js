// A cell's drawing: vertices from top to bottom by their depth, coloured by operation.
const OPERATIONS = [["conv 3x3", "conv3"], ["conv 1x1", "conv1"], ["max pool", "pool"]];

/** Operations and edges of a cell, from the text that the page holds. */
function parseGraph(text) {
  const [codes, bits] = text.split(":");
  const n = codes.length + 2;
  const edges = [];
  let k = 0;
  for (let x = 0; x < n; x++) for (let y = x + 1; y < n; y++) if (bits[k++] === "1") edges.push([x, y]);
  const vertices = [["input", "end"], ...[...codes].map((c) => OPERATIONS[Number(c)]), ["output", "end"]];
  return { n, edges, vertices };
}

/** Where vertices stand: depth is the longest path from the input. */
function placeVertices({ n, edges }) {
  const depth = new Array(n).fill(0);
  for (const [x, y] of edges) depth[y] = Math.max(depth[y], depth[x] + 1);
  const levels = Math.max(...depth) + 1;
  const rows = Array.from({ length: levels }, (_, d) => depth.map((v, i) => [v, i]).filter(([v]) => v === d));
  const places = new Array(n);
  rows.forEach((row, d) => row.forEach(([, v], k) => {
    places[v] = [(k - (row.length - 1) / 2) * 78, d * 50];
  }));
  return { depth, levels, places };
}

function edgePath([ax, ay], [bx, by], bend) {
  const [x0, y0, x1, y1] = [ax, ay + 12, bx, by - 13];
  if (!bend) return { d: `M${x0},${y0}L${x1},${y1}`, angle: Math.atan2(y1 - y0, x1 - x0) };
  const [c0, c1] = [Math.min(x0, x1) * (bend < 0) + Math.max(x0, x1) * (bend > 0) + bend, y1 - y0];
  const [cy0, cy1] = [y0 + c1 * 0.25, y0 + c1 * 0.75];
  return { d: `M${x0},${y0}C${c0},${cy0} ${c0},${cy1} ${x1},${y1}`, angle: Math.atan2(y1 - cy1, x1 - c0) };
}

/** An SVG drawing of a cell, as large as its place allows. */
function drawCell(text, label) {
  const graph = parseGraph(text);
  const { depth, levels, places } = placeVertices(graph);
  const lines = [];
  let [side, reach] = [1, 0];
  const spans = { 1: 0, "-1": 0 };
  for (const [x, y] of [...graph.edges].sort((a, b) => depth[a[1]] - depth[a[0]] - depth[b[1]] + depth[b[0]])) {
    const gap = depth[y] - depth[x];
    let bend = 0;
    if (gap > 1) {
      // An edge that passes a level goes around it, by turns on both sides, each further out.
      bend = side * (56 + 17 * spans[side] + 8 * gap);
      spans[side] += 1;
      side = -side;
    }
    const { d, angle } = edgePath(places[x], places[y], bend);
    const [tx, ty] = [places[y][0], places[y][1] - 13];
    const turn = (angle * 180) / Math.PI;
    lines.push(s("path", { d, class: "edge" }));
    lines.push(s("path", { d: "M0,0L-7,-3.4L-7,3.4Z", class: "head", transform: `translate(${tx},${ty}) rotate(${turn})` }));
    reach = Math.max(reach, bend ? Math.abs(bend) * 0.78 + Math.max(Math.abs(places[x][0]), Math.abs(places[y][0])) : 0);
  }
  const boxes = graph.vertices.map(([name, kind], v) => s("g", { transform: `translate(${places[v]})` },
    s("rect", { x: -33, y: -12, width: 66, height: 24, rx: 6, class: `op ${kind}` }),
    s("text", { y: 4, class: "op-name" }, name)));
  const half = Math.max(reach, ...places.map(([x]) => Math.abs(x) + 36)) + 6;
  return s("svg", {
    viewBox: `${-half} -16 ${2 * half} ${(levels - 1) * 50 + 32}`, class: "cell", role: "img", "aria-label": label,
  }, lines, boxes);
}

/** Each vertex with its operation and where its input comes from. */
function cellRows(text) {
  const { edges, vertices } = parseGraph(text);
  return vertices.map(([name], v) => [v, name, edges.filter(([, y]) => y === v).map(([x]) => x).join(", ")]);
}
