"use strict";
(() => {
  const all = document.getElementById("all"), one = document.getElementById("one");
  const rows = [...document.querySelectorAll("#summary > tbody > tr")];
  const title = document.title;

  // ------------------------------------------------------------- elements
  // Texts become text nodes, never markup.
  function el(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {}))
      if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
  }

  function num(value) {
    if (value === null || value === undefined || value === "") return "–";
    if (typeof value !== "number") return String(value);
    const size = Math.abs(value);
    if (size && size < 0.001) return value.toExponential(2);
    return size < 10 ? value.toFixed(3) : size < 1e5 ? value.toFixed(1) : value.toPrecision(4);
  }

  const count = (value) => (value === null || value === undefined ? "unknown" : String(value));
  const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(0)} %`);
  const interval = (pair) => (pair && pair[0] !== null && pair[0] !== undefined ? `[${num(pair[0])}, ${num(pair[1])}]` : "");

  // What the page carries, as the address of a picture or a recording.
  function carried(name) {
    const store = document.getElementById(`f${name}`);
    return `data:${store.dataset.type};base64,${store.textContent}`;
  }
  const address = (place) => (place.file ? carried(place.file) : place.link);

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
    return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": (options || {}).label },
      el("table", { class: `data ${(options || {}).look || ""}` }, el("thead", null, el("tr", null, head)), el("tbody", null, body)));
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

  // --------------------------------------------------------------- filters
  const form = document.getElementById("filters"), search = document.getElementById("search");
  const selects = [...form.querySelectorAll("select")];
  const fold = (text) => text.normalize("NFKC").toLowerCase();
  const known = rows.map((row) => ({ row, text: fold(row.textContent), values: JSON.parse(row.dataset.f) }));

  function filter() {
    const words = fold(search.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text, values } of known) {
      const fits = words.every((word) => text.includes(word)) && selects.every((select) => {
        const value = values[select.dataset.place];
        return !select.selectedIndex || (Array.isArray(value) ? value.includes(select.value) : value === select.value);
      });
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("count").textContent = `${shown} of ${rows.length}`;
  }
  form.hidden = rows.length < 2;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  // --------------------------------------------------------- one experiment
  const detail = (place) => JSON.parse(document.getElementById(`x${place}`).textContent);
  const section = (heading, ...content) => el("section", null, el("h3", null, heading), content);
  const folded = (heading, ...content) => el("details", null, el("summary", null, heading), content);
  const paragraph = (text, look) => el("p", { class: look }, text);

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
    const kind = (name) => {
      const filled = lines.map((line) => line[name]).filter((value) => value !== null && value !== undefined);
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
    return el("p", { class: "headline" }, `${metrics.measure.toUpperCase()} `, el("strong", null, num(metrics.value)), ` ${interval(metrics.ci)} `,
      el("span", { class: "quiet" }, `${none ? `no interval: ${none}; ` : metrics.ci_method ? `95 %, ${metrics.ci_method}; ${metrics.interval_doubt ? `${metrics.interval_doubt}; ` : ""}` : ""}${metrics.n_evaluated} samples, ${speakers}${worth}`));
  }

  function messages(metrics) {
    return [...metrics.warnings.map((text) => paragraph(text, "callout")), ...metrics.notes.map((text) => paragraph(text, "callout plain"))];
  }

  function pictures(found) {
    if (!found.length) return null;
    return section("Pictures", el("div", { class: "pictures" }, found.map((picture) => {
      const links = picture.links.map(([name, link]) => [" ", el("a", { href: link }, name)]).flat();
      const image = picture.file || picture.link ? el("img", { src: address(picture), alt: `${picture.title}. ${picture.caption}`, loading: "lazy" }) : null;
      return el("figure", picture.large ? { class: "large" } : null, image, el("figcaption", null, el("b", null, picture.title), picture.caption ? `: ${picture.caption}` : "", links));
    })));
  }

  function measures(metrics) {
    const lines = Object.entries(metrics.metrics).filter(([, value]) => value !== null)
      .map(([name, value]) => [name.toUpperCase(), value, interval(metrics.intervals[name])]);
    return el("div", null, el("h3", null, "Measures"), table([["measure", "text"], ["value", "number"], ["95 % interval", ""]], lines, { label: "measures" }),
      metrics.runs > 1 ? paragraph(`Means of ${metrics.runs} runs${metrics.sd === null ? "" : `; ${metrics.measure.toUpperCase()} from ${num(metrics.min)} to ${num(metrics.max)}, sd ${num(metrics.sd)}`}.`, "quiet") : null);
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
      const lines = Object.keys(metrics.fold_mean).map((name) => ({ measure: name.toUpperCase(), "mean of folds": metrics.fold_mean[name], sd: (metrics.fold_sd || {})[name] }));
      found.push(el("div", null, el("h3", null, "Over folds"), generic(["measure", "mean of folds", "sd"], lines)));
    }
    for (const [column, about] of Object.entries(metrics.fairness || {})) {
      found.push(el("div", null, el("h3", null, `By ${column}`), keyed(column, about.groups || {}),
        paragraph(`Gap between best and worst group: ${num(about.gap)}. ${about.p === null || about.p === undefined ? "" : `p = ${num(about.p)}: `}${about.test || ""}`, "quiet")));
    }
    return found;
  }

  function speakers(metrics) {
    const lines = Object.entries(metrics.per_speaker || {});
    if (!lines.length) return null;
    const far = metrics.speaker_mean === null || metrics.speaker_mean === undefined ? "" :
      `Mean ${num(metrics.speaker_mean)}${metrics.speaker_sd === null ? "" : `, sd ${num(metrics.speaker_sd)}`}; best ${metrics.best_speaker.speaker} (${num(metrics.best_speaker.value)}), worst ${metrics.worst_speaker.speaker} (${num(metrics.worst_speaker.value)}).`;
    return el("div", null, el("h3", null, "Per speaker"), far ? paragraph(far, "quiet") : null,
      table([["speaker", "text"], ["n", "number"], [metrics.measure.toUpperCase(), "number"]],
        lines.map(([name, row]) => [name, { text: String(row.n), value: row.n }, row.value]), { label: "per speaker" }));
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
    const about = `Chosen on inner folds of the training set by ${found.measure.toUpperCase()}, ${num(found.inner)} there and ${num(found.outer)} on the test set: optimism ${num(found.optimism)}.`;
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

  function player(row) {
    if (!row.audio) return el("span", { class: "quiet" }, "not in this page");
    if (row.audio.missing) return el("span", { class: "quiet" }, `no audio: ${row.audio.missing}`);
    const sound = el("audio", { controls: true, preload: "none", src: address(row.audio), "aria-label": `${row.file}: ${row.truth}, predicted ${row.prediction}` });
    const quiet = el("span", { class: "quiet", hidden: true }, "this recording cannot be played here");
    sound.addEventListener("error", () => { sound.hidden = true; quiet.hidden = false; });
    return el("div", null, sound, quiet, row.audio.note ? el("span", { class: "quiet" }, row.audio.note) : null);
  }

  function options(lines, setting) {
    const varied = Object.keys(setting).length ? paragraph(`Varied by the grid: ${Object.entries(setting).map(([name, value]) => `${name} = ${value ?? "default"}`).join("; ")}.`) : null;
    return folded("Options", varied, paragraph("As resolved. Bold is what differs from the default.", "quiet"),
      table([["part", "text"], ["option", "text"], ["value", "text"], ["", "text"]],
        lines.map(([part, name, value, given]) => ({ look: given === 1 ? "set" : given === 0 ? "default" : null, cells: [part, name, value === "null" ? "none" : value, given === 1 ? "set" : given === 0 ? "default" : ""] })), { label: "options" }));
  }

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
    return folded("Leakage audit", generic(["kind", "grade", "line", "examples"], found),
      ...figures.map((finding) => el("div", null, el("h3", null, finding.kind.replaceAll("_", " ")), nested(finding.counts))));
  }

  function texts(found) {
    const names = { "methods.md": "Methods", "model_card.md": "Model card", "references.bib": "References (BibTeX)", "table1.md": "Table 1", "table1.tex": "Table 1 (LaTeX)" };
    return Object.entries(found).filter(([name]) => !(name === "table1.tex"))
      .map(([name, text]) => folded(names[name] || name, el("pre", null, text.trim())));
  }

  function show(place) {
    const found = detail(place), metrics = found.metrics;
    const order = [...document.querySelectorAll("#summary > tbody > tr")].filter((row) => !row.hidden);
    const at = order.findIndex((row) => row.dataset.x === String(place));
    const step = (row, text, look) => (row ? el("a", { href: row.querySelector("a").getAttribute("href"), class: look }, text) : null);
    const heading = el("h2", { tabindex: "-1" }, found.name);
    one.replaceChildren(
      el("nav", { "aria-label": "experiments" }, el("a", { href: "#" }, "← all experiments"),
        step(at > 0 ? order[at - 1] : null, "previous", "push"), step(at >= 0 ? order[at + 1] : null, "next", at > 0 ? null : "push")),
      heading, headline(metrics), paragraph(found.about, "quiet"), ...messages(metrics),
      ...[pictures(found.pictures)].filter(Boolean),
      errors(found.errors, found.task),
      el("div", { class: "pair" }, measures(metrics), ...parts(metrics), ...[speakers(metrics)].filter(Boolean)),
      ...(metrics.tuning ? [tuning(metrics.tuning)] : []),
      ...(metrics.calibration ? [section("Probabilities", table([["figure", "text"], ["value", "number"]], Object.entries(metrics.calibration)
        .filter(([, value]) => value === null || typeof value !== "object").map(([name, value]) => [({ ece: "expected calibration error", brier: "Brier score" })[name] || name.replaceAll("_", " "), value]), { label: "probabilities" }))] : []),
      ...[confusion(metrics)].filter(Boolean),
      ...(metrics.audit && metrics.audit.length ? [audit(metrics.audit)] : []),
      ...(Object.keys(found.further).length ? [folded("Further figures", nested(found.further))] : []),
      ...texts(found.texts),
      options(found.options, found.setting), provenance(found.provenance, found.ini),
      el("p", { class: "links" }, "Files: ", found.links.map(([name, link], i) => [i ? ", " : "", el("a", { href: link }, name)]).flat()));
    all.hidden = true;
    one.hidden = false;
    document.title = `${found.name} · ${title}`;
    scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  }

  // ---------------------------------------------------------------- routes
  const places = new Map(rows.map((row) => [row.querySelector("a").getAttribute("href"), row.dataset.x]));
  let left = 0, last = null;
  function route() {
    const wanted = places.get(location.hash);
    if (wanted !== undefined) {
      if (one.hidden) left = scrollY;
      last = wanted;
      show(wanted);
      return;
    }
    one.hidden = true;
    one.replaceChildren();
    all.hidden = false;
    document.title = title;
    if (last !== null) {
      scrollTo(0, left);
      rows[last].querySelector("a").focus({ preventScroll: true });
      last = null;
    }
  }
  addEventListener("hashchange", route);

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && !one.hidden) location.hash = "";
    if (event.key === "/" && !typing && one.hidden && !form.hidden) {
      event.preventDefault();
      search.focus();
    }
  });

  // Printed, all of an experiment is seen.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...one.querySelectorAll("details:not([open])")];
    for (const node of opened) node.open = true;
  });
  addEventListener("afterprint", () => opened.forEach((node) => { node.open = false; }));

  for (const image of document.querySelectorAll("img[data-file]")) image.src = carried(image.dataset.file);
  route();
})();
