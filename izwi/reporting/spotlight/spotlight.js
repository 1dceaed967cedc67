// --------------------------------------------------------------- samples
const PAGE = 100, LEVELS = 40, SELECTS = 8, SIZE = 520, EDGE = 44;
// Told apart by the colour-blind (Paul Tol's muted scheme); what is rarer shares grey.
const HUES = ["#332288", "#CC6677", "#117733", "#DDCC77", "#88CCEE", "#882255", "#44AA99", "#AA4499", "#999933"], OTHER = "#8a8f94";
const DARK = [0, 45, 98], LIGHT = [240, 200, 60];
const at = (id) => document.getElementById(id);
const fold = (text) => String(text).normalize("NFKC").toLowerCase();
const known = (value) => value !== null && value !== undefined;
let columns = [], links = [], shown = [], first = 0, chosen = null, sorted = { place: null, down: false };

const column = (id) => columns[Number(at(id).value)];
const option = (place) => el("option", { value: place }, columns[place].name);
const places = (fits) => columns.map((_, place) => place).filter((place) => fits(columns[place]));
const isNumber = (one) => one.kind !== "text";
// In the table: all but features, and the features that are drawn.
const tabled = () => places((one) => one.kind !== "feature" || one === column("x") || one === column("y"));

// --------------------------------------------------------------- filters
function levels(one) {
  const counts = new Map();
  for (const value of one.values) if (known(value)) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || String(a[0]).localeCompare(String(b[0]), undefined, { numeric: true }));
}

function choices() {
  const few = places((one) => one.kind === "text" && one.name !== "file" && levels(one).length > 1 && levels(one).length <= LEVELS);
  at("selects").append(...few.slice(0, SELECTS).map((place) => {
    const names = levels(columns[place]).map(([name]) => name).sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    return el("label", null, columns[place].name, el("select", { "data-place": place },
      el("option", { value: "" }, "all"), names.map((name) => el("option", { value: `=${name}` }, name))));
  }));
}

function filter() {
  const words = fold(at("search").value).split(/\s+/).filter(Boolean);
  const selects = [...at("selects").querySelectorAll("select")].filter((select) => select.value);
  const limited = column("number"), ends = ["from", "to"].map((id) => at(id).value);
  const low = ends[0] === "" ? null : Number(ends[0]), high = ends[1] === "" ? null : Number(ends[1]);
  shown = texts.map((_, i) => i).filter((i) => words.every((word) => texts[i].includes(word)) &&
    selects.every((select) => `=${columns[select.dataset.place].values[i]}` === select.value) &&
    ((low === null && high === null) || (limited && known(limited.values[i]) &&
      (low === null || limited.values[i] >= low) && (high === null || limited.values[i] <= high))));
  if (sorted.place !== null) order();
  first = 0;
  at("count").textContent = `${shown.length} of ${texts.length} samples`;
  rows();
  scatter();
}

// By the numbers of a column, else by its texts; what has none comes last, whichever way.
function order() {
  const values = columns[sorted.place].values, sign = sorted.down ? -1 : 1;
  shown.sort((a, b) => {
    const [one, two] = [values[a], values[b]];
    if (!known(one) || !known(two)) return known(two) - known(one) || a - b;
    return sign * (typeof one === "number" ? one - two : one.localeCompare(two, undefined, { numeric: true })) || a - b;
  });
}

// ----------------------------------------------------------------- table
function heads() {
  at("samples").tHead.replaceChildren(el("tr", null, el("th", { scope: "col" }, "listen"), tabled().map((place) =>
    el("th", { scope: "col", class: isNumber(columns[place]) ? "right" : null, "aria-sort": sorted.place === place ? (sorted.down ? "descending" : "ascending") : null },
      el("button", { type: "button", "data-place": place }, columns[place].name, el("span", { class: "arrow", "aria-hidden": "true" }))))));
}

function rows() {
  heads();
  const wanted = tabled(), part = shown.slice(first, first + PAGE);
  at("samples").tBodies[0].replaceChildren(...part.map((i) => el("tr", { class: i === chosen ? "hit" : null },
    el("td", null, el("button", { type: "button", "data-row": i, "aria-label": `${links[i] ? "play" : "show"} ${columns[0].values[i]}` }, links[i] ? "play" : "show")),
    wanted.map((place) => el("td", { class: isNumber(columns[place]) ? "right" : null }, cell(columns[place].values[i]))))));
  at("where").textContent = shown.length ? `${first + 1} to ${first + part.length} of ${shown.length}` : "no sample fits";
  at("before").disabled = first === 0;
  at("after").disabled = first + PAGE >= shown.length;
}
// The ends of an axis: room for three digits, and for an exponent.
const end = (value) => (typeof value === "number" ? String(Number(value.toPrecision(3))) : cell(value));
const cell = (value) => (typeof value === "number" ? String(Number(value.toPrecision(5))) : known(value) ? value : "–");

// ------------------------------------------------------------ one sample
function show(i, play) {
  chosen = i;
  const told = places((one) => one.kind !== "feature").slice(1);
  const sound = links[i] ? el("audio", { controls: true, preload: "none", src: links[i], "aria-label": String(columns[0].values[i]) }) : null;
  const quiet = el("p", { class: "quiet", hidden: Boolean(sound) }, sound ? "This recording cannot be played here." : "No recording is linked.");
  if (sound) sound.addEventListener("error", () => { sound.hidden = true; quiet.hidden = false; });
  at("one").replaceChildren(el("h2", { class: "name" }, String(columns[0].values[i])), sound || "", quiet,
    el("dl", { class: "nested" }, told.map((place) => [el("dt", null, columns[place].name), el("dd", null, cell(columns[place].values[i]))])));
  if (sound && play) sound.play().catch(() => {});
  for (const old of document.querySelectorAll(".hit")) old.classList.remove("hit");
  for (const own of document.querySelectorAll(`[data-row="${i}"]`)) (own.closest("tr") || own).classList.add("hit");
}

// --------------------------------------------------------------- scatter
const draw = (name, attributes, ...children) => filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

function shades(one) {
  if (!one) return { of: () => HUES[0], keys: [] };
  if (!isNumber(one)) {
    const all = levels(one), own = all.slice(0, HUES.length);
    const hues = new Map(own.map(([name], place) => [name, HUES[place]]));
    const rest = all.length - own.length;
    return { of: (i) => hues.get(one.values[i]) || OTHER, keys: [...hues, ...(rest ? [[`other (${rest} values)`, OTHER]] : [])] };
  }
  const [low, high] = range(one.values);
  const mixed = (share) => `rgb(${DARK.map((dark, k) => Math.round(dark + share * (LIGHT[k] - dark))).join(",")})`;
  return { of: (i) => (known(one.values[i]) ? mixed((one.values[i] - low) / (high - low || 1)) : OTHER), keys: [[cell(low), mixed(0)], [cell((low + high) / 2), mixed(0.5)], [cell(high), mixed(1)]] };
}

function range(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) if (known(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  return [low, high];
}

function scatter() {
  const x = column("x"), y = column("y"), colour = at("colour").value === "" ? null : column("colour");
  if (!x || !y) { at("scatter").replaceChildren(el("p", { class: "quiet" }, "There are no two columns of numbers to draw.")); return; }
  const scale = (one, from, to) => { const [low, high] = range(one.values); return (value) => (high > low ? from + ((to - from) * (value - low)) / (high - low) : (from + to) / 2); };
  const across = scale(x, EDGE + 8, SIZE - 8), up = scale(y, SIZE - EDGE - 8, 8), shade = shades(colour);
  const points = shown.filter((i) => known(x.values[i]) && known(y.values[i]));
  const name = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const [x0, x1] = range(x.values), [y0, y1] = range(y.values);
  const text = `${points.length} samples by ${x.name} and ${y.name}${colour ? `, coloured by ${colour.name}` : ""}; the table below has them, too`;
  const lacking = shown.length - points.length;
  at("scatter").replaceChildren(
    draw("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, width: SIZE, height: SIZE, role: "img", "aria-label": text, class: "chart" },
      draw("path", { class: "axis", d: `M${EDGE} 0V${SIZE - EDGE}H${SIZE}` }),
      draw("text", { x: EDGE, y: SIZE - EDGE + 16 }, end(x0)), draw("text", { x: SIZE, y: SIZE - EDGE + 16, "text-anchor": "end" }, end(x1)),
      draw("text", { x: (SIZE + EDGE) / 2, y: SIZE - 6, "text-anchor": "middle" }, name(x.name, 60)),
      draw("text", { x: EDGE - 4, y: SIZE - EDGE, "text-anchor": "end" }, end(y0)), draw("text", { x: EDGE - 4, y: 12, "text-anchor": "end" }, end(y1)),
      draw("text", { transform: `translate(12 ${(SIZE - EDGE) / 2}) rotate(-90)`, "text-anchor": "middle" }, name(y.name, 60)),
      points.map((i) => draw("circle", { cx: across(x.values[i]).toFixed(1), cy: up(y.values[i]).toFixed(1), r: 4, fill: shade.of(i), "data-row": i, class: i === chosen ? "hit" : null },
        draw("title", null, `${columns[0].values[i]}${colour ? `: ${cell(colour.values[i])}` : ""}`)))),
    el("p", { class: "legend quiet" }, shade.keys.map(([label, fill]) => [el("span", { class: "key" }, draw("svg", { viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" }, draw("circle", { cx: 5, cy: 5, r: 4, fill })), ` ${label}`), " "])),
    lacking ? el("p", { class: "quiet" }, `${lacking} of ${shown.length} samples have no value of these.`) : "");
}

// ------------------------------------------------------------------ page
let texts = [];
function fillAxes() {
  const numbers = places(isNumber), own = numbers.filter((place) => columns[place].kind === "feature");
  const drawn = [...own, ...numbers.filter((place) => !own.includes(place))];
  for (const id of ["x", "y", "number"]) at(id).append(...drawn.map(option));
  if (drawn.length > 1) at("y").value = drawn[1];
  const coloured = places((one) => one.name !== "file");
  at("colour").append(el("option", { value: "" }, "none"), ...coloured.map(option));
  const target = columns.findIndex((one) => one.target);
  at("colour").value = target >= 0 ? target : "";
}

async function start() {
  const content = await stored("data");
  ({ columns, links } = content);
  const worded = columns.filter((one) => one.kind !== "feature");
  texts = columns[0].values.map((_, i) => fold(worded.map((one) => (known(one.values[i]) ? one.values[i] : "")).join(" ")));
  fillAxes();
  choices();
  document.querySelector("main").hidden = false;
  filter();
}

at("filters").addEventListener("input", (event) => { if (event.target.matches("input")) filter(); });
at("filters").addEventListener("change", (event) => { if (event.target.matches("select")) filter(); });
at("axes").addEventListener("change", () => { rows(); scatter(); });
for (const form of document.forms) form.addEventListener("submit", (event) => event.preventDefault());
at("before").addEventListener("click", () => { first -= PAGE; rows(); });
at("after").addEventListener("click", () => { first += PAGE; rows(); });
document.addEventListener("click", (event) => {
  const head = event.target.closest("th button"), place = head && Number(head.dataset.place);
  if (head) {
    sorted = { place, down: sorted.place === place ? !sorted.down : false };
    order();
    first = 0;
    rows();
    document.querySelector(`th button[data-place="${place}"]`).focus();
    return;
  }
  const own = event.target.closest("[data-row]");
  if (own) show(Number(own.dataset.row), true);
});
start().catch((error) => document.body.append(el("p", { class: "callout" }, `This browser cannot open the samples: ${error.message}. One of 2023 or later can.`)));
