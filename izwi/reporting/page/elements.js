// ------------------------------------------------------------- elements
// Texts become text nodes, never markup.
const el = (name, attributes, ...children) => filled(document.createElement(name), attributes, children);

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {}))
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function num(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  // Without the sign of a zero, and never a power of ten.
  return size < 9.9995 ? (size < 0.0005 ? 0 : value).toFixed(3) : value.toFixed(size < 1e5 ? 1 : 0);
}

const probability = (p) => (p < 0.001 ? "p < 0.001" : `p = ${num(p)}`);
// A measure as a heading.
const capital = (measure) => (measure === "accuracy" ? "accuracy" : measure.toUpperCase());

const count = (value) => (value === null || value === undefined ? "unknown" : String(value));
const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(0)} %`);
const interval = (pair) => (pair && pair[0] !== null && pair[0] !== undefined ? `[${num(pair[0])}, ${num(pair[1])}]` : "");


const section = (heading, ...content) => el("section", null, el("h3", null, heading), content);
const folded = (heading, ...content) => el("details", null, el("summary", null, heading), content);
const paragraph = (text, look) => el("p", { class: look }, text);

// What the page carries, as the address of a picture or a recording.
function carried(name) {
  const store = document.getElementById(`f${name}`);
  return `data:${store.dataset.type};base64,${store.textContent}`;
}
const address = (place) => (place.file ? carried(place.file) : place.link);
const unpacked = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

// JSON that the page carries compressed.
const opened = new Map();
function stored(id) {
  if (!opened.has(id)) {
    const stream = new Blob([unpacked(document.getElementById(id).textContent)]).stream().pipeThrough(new DecompressionStream("deflate"));
    opened.set(id, new Response(stream).json());
  }
  return opened.get(id);
}

// ---------------------------------------------------------------- tables
// Columns are [heading, kind]; cells a node, a text, or {text, value} to be sorted by a value.
function table(columns, lines, options) {
  const head = columns.map(([name, kind]) =>
    el("th", { scope: "col", class: kind === "number" ? "right" : null, "data-kind": kind },
      kind ? el("button", { type: "button" }, name, el("span", { class: "arrow", "aria-hidden": "true" })) : name));
  const body = lines.map((line) => el("tr", { class: line.look },
    (line.cells || line).map((cell, place) => {
      const look = columns[place][1] === "number" ? "right" : columns[place][1] === "text" ? "text" : null;
      const label = columns[place][0];
      if (cell === null || cell === undefined) return el("td", { class: look, "data-v": "", "data-label": label }, "–");
      if (typeof cell === "number") return el("td", { class: look, "data-v": cell, "data-label": label }, num(cell));
      if (cell instanceof Node || typeof cell === "string") return el("td", { class: look, "data-label": label }, cell);
      return el("td", { class: look, "data-v": cell.value ?? "", "data-label": label }, cell.text);
    })));
  const { label, look } = options || {};
  return el("div", { class: "scroll", tabindex: "0", role: label && "region", "aria-label": label },
    el("table", { class: `data ${look || ""}` }, el("thead", null, el("tr", null, head)), el("tbody", null, body)));
}

// By the numbers of a column, else by its texts; what has none comes last, whichever way.
function sort(header) {
  const down = header.getAttribute("aria-sort") === "ascending" ||
    (!header.hasAttribute("aria-sort") && header.dataset.kind === "number");
  const body = header.closest("table").tBodies[0], place = header.cellIndex;
  for (const other of header.parentNode.children) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const keyed = [...body.rows].map((row) => {
    const cell = row.cells[place];
    const value = "v" in cell.dataset ? (cell.dataset.v === "" ? null : Number(cell.dataset.v)) : cell.textContent.trim();
    return { row, value, group: Number(cell.dataset.g || 0) };
  });
  const sign = down ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.group !== b.group) return a.group - b.group;
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    return sign * (typeof a.value === "number" ? a.value - b.value
      : a.value.localeCompare(b.value, undefined, { numeric: true }));
  });
  body.append(...keyed.map((entry) => entry.row));
}
document.addEventListener("click", (event) => {
  const header = event.target.closest("th[data-kind]");
  if (header && event.target.closest("button")) sort(header);
});

