// --------------------------------------------------------- one experiment
const PACKED = Number(document.body.dataset.pack);
async function detail(place) {
  const first = place - (place % PACKED);
  return row(await stored(`x${first}`), place - first);
}

// Of values that are stored in columns.
function row(columns, at) {
  if (Array.isArray(columns)) return columns[at];
  return Object.fromEntries(Object.entries(columns).map(([name, part]) => [name, row(part, at)]));
}

// Its chance and its baseline, as lines of a chart.
const guesses = (metrics) => [["chance", (metrics.chance || {})[metrics.measure], "chance"], ...(metrics.baseline ? [[metrics.baseline.kind, metrics.baseline[metrics.measure], "same"]] : [])];

// Values that are named inside a figure, such as those of a candidate, beside the others of it.
function level(figures) {
  if (figures === null || typeof figures !== "object" || Array.isArray(figures)) return figures;
  return Object.fromEntries(Object.entries(figures).flatMap(([name, value]) =>
    (name === "values" || name === "chosen") && value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).map(([option, of]) => [option, of === null || typeof of === "object" ? JSON.stringify(of) : String(of)]) : [[name, value]]));
}

// Any figures, as they are: for what has no table of its own.
function nested(value) {
  if (Array.isArray(value)) {
    if (value.every((item) => item === null || typeof item !== "object")) return document.createTextNode(value.map(num).join(", "));
    const lines = value.map(level);
    const names = [...new Set(lines.flatMap((item) => Object.keys(item || {})))];
    const plain = (x) => x === null || typeof x !== "object" || (Array.isArray(x) && x.every((y) => y === null || typeof y !== "object"));
    const simple = value.every((item) => item && !Array.isArray(item)) && lines.every((item) => Object.values(item).every(plain));
    return simple ? generic(names, lines) : el("dl", { class: "nested" }, value.map((item, i) => [el("dt", null, i + 1), el("dd", null, nested(item))]).flat());
  }
  if (value !== null && typeof value === "object")
    return el("dl", { class: "nested" }, Object.entries(value).map(([key, item]) => [el("dt", null, key.replaceAll("_", " ")), el("dd", null, nested(item))]).flat());
  return document.createTextNode(typeof value === "number" && Number.isInteger(value) ? value : num(value));
}

function cell(name, value) {
  if (Array.isArray(value)) return value.length === 2 && value.every((x) => x === null || typeof x === "number") ? el("span", { class: "interval" }, interval(value)) : value.map(num).join(", ");
  if (value !== null && typeof value === "object") return nested(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number" && Number.isInteger(value) && /^(n|n_.*|run|runs|fold|count|.*_count|speakers|files|samples)$/.test(name)) return { text: String(value), value };
  return value === undefined ? null : typeof value === "string" ? value : value;
}

// Rows that share their columns.
function generic(names, lines) {
  const methods = new Set(lines.map((line) => line.ci_method).filter(Boolean));
  if (methods.size < 2) names = names.filter((name) => name !== "ci_method");
  const made = rectangle(names, lines);
  return methods.size === 1 && names.includes("ci") ? el("div", null, made, paragraph(`95 %: ${[...methods][0]}.`, "quiet")) : made;
}

function rectangle(names, lines) {
  const of = (name) => lines.map((line) => line[name]).filter((value) => value !== null && value !== undefined);
  // A measure that does not apply, such as the EER of four classes, has no column.
  names = names.filter((name) => of(name).length);
  const kind = (name) => {
    const filled = of(name);
    return filled.length && filled.every((value) => typeof value === "number") ? "number" : filled.some((value) => typeof value === "object") ? "" : "text";
  };
  return table(names.map((name) => [name === "ci" ? "95 % interval" : name.endsWith("_ci") ? `95 % of ${name.slice(0, -3)}` : name.replaceAll("_", " "), kind(name)]), lines.map((line) => names.map((name) => cell(name, line[name]))));
}

// Name → figures, as a table.
function keyed(first, figures) {
  const lines = Object.entries(figures).map(([name, values]) => ({ [first]: name, ...values }));
  return generic([...new Set(lines.flatMap(Object.keys))], lines);
}

function headline(metrics) {
  const speakers = metrics.n_speakers === null ? "speakers unknown" : `${metrics.n_speakers} speakers`;
  const none = (metrics.interval_reasons || {})[metrics.measure];
  const guess = (metrics.chance || {})[metrics.measure];
  const same = metrics.baseline ? metrics.baseline[metrics.measure] : null;
  const worth = (typeof guess === "number" ? `; chance ${num(guess)}` : "") + (typeof same === "number" ? `; ${metrics.baseline.kind} ${num(same)}` : "");
  return el("p", { class: "headline" }, `${capital(metrics.measure)} `, el("strong", null, num(metrics.value)), ` ${interval(metrics.ci)} `,
    el("span", { class: "quiet" }, `${none ? `no interval: ${none}; ` : metrics.ci_method ? `95 %, ${metrics.ci_method}; ${metrics.interval_doubt ? `${metrics.interval_doubt}; ` : ""}` : ""}${metrics.n_evaluated} samples, ${speakers}${worth}`));
}

function messages(metrics) {
  return [...metrics.warnings.map((text) => paragraph(text, "callout")), ...metrics.notes.map((text) => paragraph(text, "callout plain"))];
}

// Some are drawn here, from the figures.
function pictures(found, metrics, learning) {
  if (!found.length) return null;
  const drawn = { confusion_matrix: () => matrix(metrics.confusion, metrics.runs), learning_curve: () => curve(learning) };
  return section("Pictures", el("div", { class: "pictures" }, found.map((picture) => {
    const links = picture.links.map(([name, link]) => [" ", el("a", { href: link }, name)]).flat();
    const image = picture.file || picture.link ? el("img", { src: address(picture), alt: `${picture.title}. ${picture.caption}`, loading: "lazy" }) : picture.drawn ? drawn[picture.name]() : null;
    return el("figure", picture.large ? { class: "large" } : null, image, el("figcaption", null, el("b", null, picture.title), picture.caption ? `: ${picture.caption}` : "", links));
  })));
}

function measures(metrics) {
  const lines = Object.entries(metrics.metrics).filter(([, value]) => value !== null)
    .map(([name, value]) => [capital(name), value, interval(metrics.intervals[name]), (metrics.chance || {})[name], (metrics.baseline || {})[name]]);
  const columns = [["measure", "text"], ["value", "number"], ["95 % interval", ""], ["chance", "number"], [metrics.baseline ? metrics.baseline.kind : "", "number"]]
    .filter((column, i) => i < 3 || lines.some((line) => number(line[i])));
  return el("div", null, el("h3", null, "Measures"), table(columns, lines.map((line) => line.filter((_, i) => i < 3 || lines.some((other) => number(other[i])))), { label: "measures" }),
    metrics.runs > 1 ? paragraph(`Means of ${metrics.runs} runs${metrics.sd === null ? "" : `; ${capital(metrics.measure)} from ${num(metrics.min)} to ${num(metrics.max)}, sd ${num(metrics.sd)}`}.`, "quiet") : null);
}

function parts(metrics) {
  const found = [];
  const one = (heading, first, figures) => {
    if (figures && Object.keys(figures).length) found.push(el("div", null, el("h3", null, heading), keyed(first, figures)));
  };
  one("Per class", "class", metrics.per_class);
  if (metrics.binned) {
    one("Per bin, as a classification", "bin", metrics.binned.per_class);
  }
  if (Object.keys(metrics.per_database).length > 1) one("Per database", "database", metrics.per_database);
  if (metrics.per_submodel) one(`Per model, by ${metrics.per_submodel.column}`, "model", metrics.per_submodel.values);
  for (const [heading, lines] of [["Per fold", metrics.per_fold], ["Per run", metrics.runs > 1 ? metrics.per_run : []]])
    if (lines.length) found.push(el("div", null, el("h3", null, heading), generic(Object.keys(lines[0]), lines)));
  if (metrics.fold_mean) {
    const lines = Object.keys(metrics.fold_mean).filter((name) => metrics.fold_mean[name] !== null).map((name) => ({ measure: capital(name), "mean of folds": metrics.fold_mean[name], sd: (metrics.fold_sd || {})[name] }));
    found.push(el("div", null, el("h3", null, "Over folds"), generic(["measure", "mean of folds", "sd"], lines)));
  }
  for (const [column, about] of Object.entries(metrics.fairness || {})) {
    const groups = Object.entries(about.groups || {}).map(([name, group]) => ({ name, value: group.value, low: (group.ci || [])[0], high: (group.ci || [])[1] }));
    found.push(el("div", null, el("h3", null, `By ${column}`),
      dots(`${capital(metrics.measure)} by ${column} with 95 % intervals`, groups, metrics.measure, [["all", metrics.value], ...guesses(metrics)]), keyed(column, about.groups || {}),
      paragraph(`Gap between best and worst group: ${num(about.gap)}. ${about.p === null || about.p === undefined ? "" : `${probability(about.p)}: `}${about.test || ""}`, "quiet")));
  }
  return found;
}

function speakers(metrics) {
  const lines = Object.entries(metrics.per_speaker || {});
  if (!lines.length) return null;
  const far = metrics.speaker_mean === null || metrics.speaker_mean === undefined ? "" :
    `Mean ${num(metrics.speaker_mean)}${metrics.speaker_sd === null ? "" : `, sd ${num(metrics.speaker_sd)}`}; best ${metrics.best_speaker.speaker} (${num(metrics.best_speaker.value)}), worst ${metrics.worst_speaker.speaker} (${num(metrics.worst_speaker.value)}).`;
  const values = lines.map(([name, row]) => [name, row.value]);
  const guides = [["all", metrics.value], ...guesses(metrics)];
  const range = ends(metrics.measure, [...values, ...guides].map((pair) => pair[1]));
  return el("div", null, el("h3", null, "Per speaker"), far ? paragraph(far, "quiet") : null,
    strip(`${capital(metrics.measure)} of each speaker`, values, range, guides),
    table([["speaker", "text"], ["n", "number"], [capital(metrics.measure), "number"], ["of all others", "number"]],
      lines.map(([name, row]) => [name, { text: String(row.n), value: row.n }, row.value, row.without]), { label: "per speaker" }));
}

function confusion(metrics) {
  const found = metrics.confusion;
  if (!found) return null;
  const shown = (value) => (metrics.runs > 1 ? value.toFixed(1) : String(value));
  return folded("Confusion matrix as a table", paragraph("Truth in the rows, prediction in the columns.", "quiet"),
    table([["truth", "text"], ...found.labels.map((label) => [label, "number"])],
      found.counts.map((line, i) => [found.labels[i], ...line.map((value, j) => ({ text: i === j ? el("span", { class: "hit" }, shown(value)) : shown(value), value }))]), { label: "confusion matrix" }));
}

function tuning(found) {
  const about = `Chosen on inner folds of the training set by ${capital(found.measure)}, ${num(found.inner)} there and ${num(found.outer)} on the test set: optimism ${num(found.optimism)}.`;
  return section("Tuning", paragraph(about, "quiet"), nested(found.chosen), folded("All searches", nested(found.searches)));
}

function errors(found, task) {
  const regression = task === "regression";
  if (!found.rows.length) return section(regression ? "Largest errors" : "Most confident errors", paragraph("There are none.", "quiet"));
  const sure = found.rows.some((row) => row.weight !== null);
  const heading = regression ? "Largest errors" : sure ? "Most confident errors" : "Errors";
  const about = regression ? "The recordings whose prediction is farthest from the truth." :
    sure ? `${found.n} of ${found.of} recordings are taken for another class; these are the ones of which the model was most sure.` :
      `${found.n} of ${found.of} recordings are taken for another class; the model gives no probabilities, so these are the first by name.`;
  const columns = [["recording", ""], ["truth", regression ? "number" : "text"], ["prediction", regression ? "number" : "text"]];
  if (regression) columns.push(["error", "number"]);
  else if (sure) columns.push(["probability", "number"], ["of the truth", "number"]);
  columns.push(["file", "text"], ["speaker", "text"]);
  const several = new Set(found.rows.map((row) => row.run)).size > 1;
  if (several) columns.push(["run", "text"]);
  const lines = found.rows.map((row) => {
    const cells = [player(row), row.truth, row.prediction];
    if (regression) cells.push(row.weight);
    else if (sure) cells.push({ text: percent(row.weight), value: row.weight }, { text: percent(row.own), value: row.own });
    const span = row.to === null ? "" : ` (${num(row.from)}–${num(row.to)} s)`;
    cells.push(`${row.database}: ${row.file}${span}`, row.speaker || "unknown");
    if (several) cells.push(row.run);
    return cells;
  });
  return section(heading, paragraph(about, "quiet"), table(columns, lines, { label: heading, look: "errors" }));
}

function options(lines, setting) {
  const varied = Object.keys(setting).length ? paragraph(`Varied by the grid: ${Object.entries(setting).map(([name, value]) => `${name} = ${value ?? "default"}`).join("; ")}.`) : null;
  return folded("Options", varied, paragraph("As resolved. Bold is what differs from the default.", "quiet"),
    table([["part", "text"], ["option", "text"], ["value", "text"], ["given", "text"]],
      lines.map(([part, name, value, given]) => ({ look: given === 1 ? "set" : given === 0 ? "default" : null, cells: [part, name, value === "null" ? "none" : value, given === 1 ? "set" : given === 0 ? "default" : ""] })), { label: "options" }));
}

// The latest first; the last one there is the figure above.
function past(found) {
  if (!found.length) return null;
  const minute = (made) => made.slice(0, 16).replace("T", " ");
  return folded("History", paragraph("All figures of this name, and what changed before each.", "quiet"),
    table([["made (UTC)", "text"], ["config", "text"], ["figure", "text"], ["what changed", "text"]],
      found.map((step) => [minute(step.made), step.config || "unknown", step.figure, el("div", null, step.changes.map((line) => el("div", null, line)))]).reverse(), { label: "history" }));
}

const earlier = (found) => (found.status === "current" ? null
  : el("p", { class: "callout" }, `${found.status[0].toUpperCase()}${found.status.slice(1)}: this figure is not of what the ini says and the data hold today. Run the ini again.`));

function provenance(found, ini) {
  const packages = Object.entries(found.packages).map(([name, version]) => [name, version || "not installed"]);
  return folded("Provenance",
    paragraph(`From ${ini}, key ${found.key}, by izwi ${found.izwi}. A key is a hash of the options, the data, the code and the package versions that a stage depends on: equal keys are equal results.`, "quiet"),
    el("div", { class: "pair" },
      el("div", null, el("h4", null, "Stages"), table([["stage", "text"], ["key", ""], ["made", "text"]], found.stages.map(([stage, key, made]) => [stage, el("code", null, key), made]), { label: "stages" })),
      el("div", null, el("h4", null, "Packages"), table([["package", "text"], ["version", "text"]], packages, { label: "packages" }))));
}

// What was found stands above, among the messages; here is what it rests on.
function audit(found) {
  const figures = found.filter((finding) => Object.keys(finding.counts).length);
  const grades = { leak: "test data took part in the training", cue: "something other than speech predicts the target", shift: "test differs from training", note: "worth knowing" };
  const lines = found.map((finding) => [el("span", { class: finding.grade === "note" ? null : "badge" }, finding.grade), finding.kind.replaceAll("_", " "), finding.line, finding.examples.map(String).join(", ")]);
  const said = [...new Set(found.map((finding) => finding.grade))].map((grade) => `${grade}: ${grades[grade]}`).join("; ");
  return section("Leakage audit", paragraph(`${said}.`, "quiet"), table([["grade", "text"], ["about", "text"], ["finding", "text"], ["examples", "text"]], lines, { label: "leakage audit" }),
    figures.length ? folded("Figures of the audit", ...figures.map((finding) => el("div", null, el("h4", null, finding.kind.replaceAll("_", " ")), nested(finding.counts)))) : null);
}

function texts(found) {
  const names = { "methods.md": "Methods", "model_card.md": "Model card", "references.bib": "References (BibTeX)", "table1.md": "Table 1" };
  return Object.entries(found).map(([name, text]) => folded(names[name] || name, el("pre", null, text.trim())));
}

async function show(place, wanted) {
  const found = await detail(place), metrics = found.metrics;
  if (!wanted()) return;
  const order = [...document.querySelectorAll("#summary > tbody > tr")].filter((row) => !row.hidden);
  const at = order.findIndex((row) => row.dataset.x === String(place));
  const step = (row, text, look) => (row ? el("a", { href: row.querySelector("a").getAttribute("href"), class: look }, text) : null);
  const heading = el("h2", { tabindex: "-1" }, found.name);
  one.replaceChildren(
    el("nav", { "aria-label": "experiments" }, el("a", { href: "#" }, "← all experiments"),
      step(at > 0 ? order[at - 1] : null, "previous", "push"), step(at >= 0 ? order[at + 1] : null, "next", at > 0 ? null : "push")),
    heading, headline(metrics), paragraph(found.about, "quiet"), ...[earlier(found)].filter(Boolean), ...messages(metrics),
    ...[pictures(found.pictures, metrics, found.curve)].filter(Boolean),
    errors(found.errors, found.task),
    ...(metrics.audit && metrics.audit.length ? [audit(metrics.audit)] : []),
    el("div", { class: "pair" }, measures(metrics), ...parts(metrics), ...[speakers(metrics)].filter(Boolean)),
    ...(metrics.tuning ? [tuning(metrics.tuning)] : []),
    ...(metrics.calibration ? [section("Probabilities", table([["figure", "text"], ["value", "number"]], Object.entries(metrics.calibration)
      .filter(([, value]) => value === null || typeof value !== "object").map(([name, value]) => [({ ece: "expected calibration error", brier: "Brier score" })[name] || name.replaceAll("_", " "), value]), { label: "probabilities" }))] : []),
    ...[confusion(metrics)].filter(Boolean),
    ...(Object.keys(found.further).length ? [folded("Further figures", nested(found.further))] : []),
    ...texts(found.texts),
    options(found.options, found.setting), ...[past(found.history)].filter(Boolean), provenance(found.provenance, found.ini),
    el("p", { class: "links" }, "Files: ", found.links.map(([name, link], i) => [i ? ", " : "", el("a", { href: link }, name)]).flat()));
  opens(found.name, heading);
}

