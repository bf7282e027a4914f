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

/** An edge from the foot of one box to the head of another; one that passes levels swings out to `out`. */
function edgePath([x0, y0], [x1, y1], out) {
  if (out === null) return { d: `M${x0},${y0}L${x1},${y1}`, angle: Math.atan2(y1 - y0, x1 - x0) };
  const bow = (out - 0.125 * (x0 + x1)) / 0.75;
  const [a, b] = [y0 + (y1 - y0) * 0.22, y0 + (y1 - y0) * 0.78];
  return { d: `M${x0},${y0}C${bow},${a} ${bow},${b} ${x1},${y1}`, angle: Math.atan2(y1 - b, x1 - bow) };
}

/** An edge that passes a level goes around the boxes there, on the side where it stands, each further out. */
function wayAround([x, y], { depth, places }, spans) {
  const lean = Math.sign(places[x][0] + places[y][0]);
  const side = lean || (spans[1] <= spans[-1] ? 1 : -1);
  const passed = places.filter((_, v) => depth[v] > depth[x] && depth[v] < depth[y]);
  const out = side * (Math.max(...passed.map((p) => side * p[0])) + 45 + 13 * spans[side]);
  spans[side] += 1;
  return { side, out };
}

/** An SVG drawing of a cell, as large as its place allows. */
function drawCell(text, label) {
  const graph = parseGraph(text);
  const plan = placeVertices(graph);
  const { depth, levels, places } = plan;
  const spans = { 1: 0, "-1": 0 };
  const reach = places.map(([x]) => Math.abs(x) + 34);
  const gap = ([x, y]) => depth[y] - depth[x];
  const lines = [...graph.edges].sort((a, b) => gap(a) - gap(b)).map((edge) => {
    const [from, to] = edge.map((v) => places[v]);
    const way = gap(edge) > 1 ? wayAround(edge, plan, spans) : { side: 0, out: null };
    if (way.out !== null) reach.push(Math.abs(way.out));
    const end = [to[0] + 17 * way.side, to[1] - 13];
    const { d, angle } = edgePath([from[0] + 17 * way.side, from[1] + 12], end, way.out);
    return [
      s("path", { d, class: "edge" }),
      s("path", { d: "M0,0L-7,-3.4L-7,3.4Z", class: "head", transform: `translate(${end}) rotate(${(angle * 180) / Math.PI})` }),
    ];
  });
  const boxes = graph.vertices.map(([name, kind], v) => s("g", { transform: `translate(${places[v]})` },
    s("rect", { x: -33, y: -12, width: 66, height: 24, rx: 6, class: `op ${kind}` }),
    s("text", { y: 4, class: "op-name" }, name)));
  const half = Math.max(...reach, 90) + 5;
  return s("svg", {
    viewBox: `${-half} -16 ${2 * half} ${(levels - 1) * 50 + 32}`, class: "cell", role: "img", "aria-label": label,
  }, lines, boxes);
}

/** Each vertex with its operation and where its input comes from. */
function cellRows(text) {
  const { edges, vertices } = parseGraph(text);
  return vertices.map(([name], v) => [v, name, edges.filter(([, y]) => y === v).map(([x]) => x).join(", ")]);
}
