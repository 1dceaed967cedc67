// ---------------------------------------------------------------- charts
// SVG with a text alternative; what a chart shows also stands in a table, or in that text.
const draw = (name, attributes, ...children) => filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

function chart(width, height, text, ...content) {
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": text, class: "chart" }, content);
}

const UNIT = ["uar", "accuracy", "f1", "eer"], SIGNED = ["ccc", "pcc"];
const WIDE = 460, LABELS = 130, FOOT = 34;
const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const number = (value) => typeof value === "number";

// The ends of the axis of a measure.
function ends(measure, values) {
  if (UNIT.includes(measure)) return [0, 1];
  if (SIGNED.includes(measure)) return [-1, 1];
  const known = values.filter(number), low = Math.min(0, ...known), high = Math.max(0, ...known);
  return low === high ? [low, low + 1] : [low, high];
}

// A horizontal axis below a chart, with dashed lines for [name, value]; returns what draws it.
function axis([low, high], left, height, guides) {
  const at = (value) => left + 6 + ((WIDE - left - 12) * (Math.min(Math.max(value, low), high) - low)) / (high - low);
  const marks = [low, (low + high) / 2, high];
  const known = guides.filter(([, value]) => number(value));
  const base = [
    draw("path", { class: "axis", d: `M${at(low)} ${height}H${at(high)}${marks.map((mark) => `M${at(mark)} ${height}v4`).join("")}` }),
    marks.map((mark, i) => draw("text", { x: at(mark), y: height + 16, "text-anchor": ["start", "middle", "end"][i] }, String(Number(mark.toPrecision(3))))),
    known.map(([name, value, look]) => draw("path", { class: `guide ${look || ""}`, d: `M${at(value)} 0V${height}` }, draw("title", null, `${name} ${num(value)}`))),
  ];
  return { at, base, said: known.map(([name, value]) => `${name} ${num(value)}`).join(", ") };
}

function legend(guides) {
  const known = guides.filter(([, value]) => number(value));
  return known.length ? el("p", { class: "legend quiet" }, known.map(([name, value, look], i) => [i ? " " : "", el("span", { class: "key" },
    draw("svg", { viewBox: "0 0 10 12", width: 10, height: 12, class: "chart", "aria-hidden": "true" }, draw("path", { class: `guide ${look || ""}`, d: "M5 0V12" })), ` ${name} ${num(value)}`)])) : null;
}

// A line for each {name, value, low, high}: a dot with its interval.
function dots(about, lines, measure, guides) {
  const height = 24 * lines.length + 4;
  const { at, base, said } = axis(ends(measure, [...lines.flatMap((line) => [line.value, line.low, line.high]), ...guides.map((guide) => guide[1])]), LABELS, height, guides);
  const told = lines.map((line) => `${line.name} ${num(line.value)}${number(line.low) ? `, ${num(line.low)} to ${num(line.high)}` : ""}`).join("; ");
  const drawn = lines.map((line, i) => {
    const y = 24 * i + 14;
    return draw("g", null, draw("title", null, `${line.name} ${num(line.value)} ${interval([line.low, line.high])}`),
      draw("text", { x: 0, y: y + 4 }, short(line.name, 19)),
      number(line.low) && number(line.high) ? draw("path", { class: "limits", d: `M${at(line.low)} ${y}H${at(line.high)}` }) : null,
      number(line.value) ? draw("circle", { class: "dot", cx: at(line.value), cy: y, r: 4.5 }) : null);
  });
  return el("figure", null, chart(WIDE, height + 20, `${about}: ${told}${said ? `; ${said}` : ""}.`, base, drawn), legend(guides));
}

// A dot for each [name, value]; those of about the same value stand one upon another.
function strip(about, values, range, guides) {
  const known = values.filter(([, value]) => number(value)).sort((a, b) => a[1] - b[1]);
  if (known.length < 2) return null;
  const plain = axis(range, 0, 0, []);
  const column = (size) => {
    const heights = new Map();
    return known.map(([, value]) => {
      const place = Math.round(plain.at(value) / size);
      heights.set(place, (heights.get(place) || 0) + 1);
      return heights.get(place);
    });
  };
  let size = 10, steps = column(size);
  while (size > 2 && Math.max(...steps) * size > 150) steps = column(--size);
  const height = Math.max(30, Math.max(...steps) * size + 8);
  const { at, base, said } = axis(range, 0, height, guides);
  const [first, last] = [known[0], known[known.length - 1]];
  const text = `${about}: ${known.length} dots from ${num(first[1])} (${first[0]}) to ${num(last[1])} (${last[0]})${said ? `; ${said}` : ""}.`;
  return el("figure", null, chart(WIDE, height + 20, text, base, known.map(([name, value], i) =>
    draw("circle", { class: "dot", cx: at(value), cy: height - 2 - size * (steps[i] - 0.5), r: size / 2 - 0.5 }, draw("title", null, `${name} ${num(value)}`)))), legend(guides));
}

// Measure on train and test over the number of training samples.
function curve(found) {
  const lines = found.mean.filter((row) => number(row.n_train));
  if (!lines.length) return null;
  const height = 200, left = 44, most = Math.max(...lines.map((row) => row.n_train));
  const guides = [["chance", found.chance, "chance"]];
  const values = lines.flatMap((row) => [row.train, row.test]);
  const [low, high] = ends(found.measure, [...values, found.chance]);
  const x = (n) => left + ((WIDE - left - 10) * n) / most, y = (value) => 8 + ((height - 8) * (high - value)) / (high - low);
  const path = (name) => {
    const points = lines.filter((row) => number(row[name]));
    return [draw("path", { class: `line ${name}`, d: points.map((row, i) => `${i ? "L" : "M"}${x(row.n_train).toFixed(1)} ${y(row[name]).toFixed(1)}`).join("") }),
      points.map((row) => draw("circle", { class: `dot ${name}`, cx: x(row.n_train), cy: y(row[name]), r: 4 }, draw("title", null, `${name} ${num(row[name])} with ${Math.round(row.n_train)} samples`)))];
  };
  const told = lines.map((row) => `${Math.round(row.n_train)} samples: train ${num(row.train)}, test ${num(row.test)}`).join("; ");
  const drawn = chart(WIDE, height + 38, `Learning curve, ${capital(found.measure)} over training samples: ${told}.`,
    draw("path", { class: "axis", d: `M${left} 8V${height}H${WIDE - 10}` }),
    [low, (low + high) / 2, high].map((value) => draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(3))))),
    [most / 2, most].map((n, i) => draw("text", { x: x(n), y: height + 16, "text-anchor": i ? "end" : "middle" }, String(Math.round(n)))),
    draw("text", { x: (left + WIDE) / 2, y: height + 33, "text-anchor": "middle" }, "training samples"),
    number(found.chance) ? draw("path", { class: "guide chance", d: `M${left} ${y(found.chance)}H${WIDE - 10}` }) : null,
    path("train"), path("test"));
  return el("div", null, drawn, el("p", { class: "legend quiet" }, ["test", "train"].map((name) => el("span", { class: "key" },
    draw("svg", { viewBox: "0 0 24 12", width: 24, height: 12, class: "chart", "aria-hidden": "true" }, draw("path", { class: `line ${name}`, d: "M0 6H24" }), draw("circle", { class: `dot ${name}`, cx: 12, cy: 6, r: 4 })), ` ${name} `)), `means by growing parts of the training set, by ${found.unit}`), legend(guides));
}

const share = (counts) => counts.map((line) => {
  const sum = line.reduce((a, b) => a + b, 0) || 1;
  return line.map((value) => value / sum);
});
const recalls = (labels, shares) => labels.map((label, i) => `${label} ${percent(shares[i][i])}`).join(", ");

// Counts and shares of the true class; white paper in the dark, too, as pictures have.
function matrix(found, runs) {
  const size = found.labels.length;
  if (size > 16) return null;
  const shares = share(found.counts), side = size < 6 ? 58 : size < 10 ? 46 : 36, left = 104, most = size < 10 ? 11 : 9;
  const cells = shares.map((line, i) => line.map((value, j) => {
    const [x, y] = [left + side * j, side * i], shown = runs > 1 ? found.counts[i][j].toFixed(1) : String(found.counts[i][j]);
    return draw("g", { class: value < 0.8 ? "light" : "dark" }, draw("title", null, `${found.labels[i]} as ${found.labels[j]}: ${shown}, ${percent(value)}`),
      draw("rect", { x, y, width: side - 1, height: side - 1, class: "paper" }), draw("rect", { x, y, width: side - 1, height: side - 1, class: "shade", "fill-opacity": value.toFixed(2) }),
      draw("text", { x: x + side / 2, y: y + side / 2 + (size < 10 ? -2 : 4), "text-anchor": "middle" }, shown),
      size < 10 ? draw("text", { x: x + side / 2, y: y + side / 2 + 13, "text-anchor": "middle" }, percent(value)) : null);
  }));
  const end = side * size;
  const labels = found.labels.map((label, i) => [
    draw("text", { x: left - 8, y: side * (i + 0.5) + 4, "text-anchor": "end" }, draw("title", null, label), short(label, 13)),
    draw("text", { x: left + side * (i + 0.5), y: end + 14, "text-anchor": "end", transform: `rotate(-35 ${left + side * (i + 0.5)} ${end + 14})` }, draw("title", null, label), short(label, most + 3)),
  ]);
  return chart(left + end, end + 68, `Confusion matrix, truth in the rows, prediction in the columns. Right: ${recalls(found.labels, shares)}.`, cells, labels);
}

// The same in the size of a line of the table: one path for each shade.
function thumbnail(labels, shares) {
  const size = labels.length, shades = new Map();
  shares.forEach((value, i) => {
    const shade = Math.round(value * 10);
    if (shade) shades.set(shade, `${shades.get(shade) || ""}M${i % size} ${Math.floor(i / size)}h1v1h-1z`);
  });
  const lines = labels.map((_, i) => shares.slice(i * size, (i + 1) * size));
  return draw("svg", { viewBox: `0 0 ${size} ${size}`, class: "thumbnail", role: "img", "aria-label": `confusion matrix, right: ${recalls(labels, lines)}` },
    [...shades].map(([shade, path]) => draw("path", { d: path, "fill-opacity": shade / 10 })));
}
