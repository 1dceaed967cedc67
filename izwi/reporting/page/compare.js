// -------------------------------------------------- two experiments together
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
const minus = (a, b) => (number(a) && number(b) ? a - b : null);

// Names without the beginning that they share, which is long in a grid.
function brief(a, b) {
  let same = 0;
  while (same < Math.min(a.length, b.length) && a[same] === b[same]) same += 1;
  const cut = a.slice(0, same).search(/[^-_.= ]*$/);
  return cut > 8 ? [`…${a.slice(cut)}`, `…${b.slice(cut)}`] : [a, b];
}

// Whether both predict the same samples, by the same measure.
const paired = (a, b) => a.rows === b.rows && a.metrics.measure === b.metrics.measure;

// a − b with its 95 % interval, by the jackknife over speakers: izwi/evaluation/intervals.py, of_difference.
function difference(a, b) {
  const measure = a.metrics.measure, found = minus(a.metrics.value, b.metrics.value), t = a.metrics.speakers_t;
  if (found === null) return null;
  const without = Object.entries(a.metrics.per_speaker || {}).map(([name, row]) => minus(row.without, ((b.metrics.per_speaker || {})[name] || {}).without));
  const n = without.length, mean = without.reduce((sum, value) => sum + value, 0) / n;
  const error = Math.sqrt(((n - 1) / n) * without.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  const most = UNIT.includes(measure) ? 1 : SIGNED.includes(measure) ? 2 : Infinity;
  const limit = (value) => Math.max(-most, Math.min(most, value));
  const known = number(t) && n > 1 && without.every(number) && error > 1e-9;
  return { value: found, ci: known ? [limit(found - t * error), limit(found + t * error)] : null };
}

function ofBoth(a, b) {
  const found = difference(a, b);
  if (!found) return null;
  const who = a.metrics.n_speakers === null ? "speakers unknown" : `${a.metrics.n_speakers} speakers`;
  return el("p", { class: "headline" }, `${capital(a.metrics.measure)}, ${a.name} − ${b.name}: `, el("strong", null, num(found.value)), ` ${interval(found.ci)} `,
    el("span", { class: "quiet" }, `${found.ci ? "95 %, jackknife over speakers (t)" : "no interval"}; ${a.metrics.n_evaluated} samples, ${who}`));
}

// What the tables of the call have tested, the difference as a − b.
function tested(tests, a, b) {
  const way = (test) => (test.a === a.name && test.b === b.name ? 1 : test.a === b.name && test.b === a.name ? -1 : 0);
  return tests.filter((test) => way(test) && test.measure === a.metrics.measure).map((test) => {
    const better = { "a is better": way(test) > 0 ? a.name : b.name, "b is better": way(test) > 0 ? b.name : a.name }[test.verdict];
    const p = test.p_holm === null ? "" : `${probability(test.p_holm)} after Holm's correction in the table ${test.table}${test.p === test.p_holm ? "" : `, ${probability(test.p)} without`}`;
    const found = [`difference ${num(test.difference === null ? null : way(test) * test.difference)}`, p, test.test].filter(Boolean).join("; ");
    return `${better ? `${better} is better` : test.verdict}: ${found}.`;
  });
}

function verdict(tests, a, b) {
  if (a.task !== b.task || a.metrics.measure !== b.metrics.measure)
    return [paragraph("They have different measures, so their values cannot be compared.", "callout")];
  if (a.rows !== b.rows)
    return [paragraph("They are not tested on the same samples: part of their difference is that of the test sets, so no paired test applies.", "callout")];
  const found = tested(tests, a, b);
  if (found.length) return found.map((text) => paragraph(text, "callout plain"));
  return [el("p", { class: "callout plain" }, "Both are tested on the same samples. For a paired test over speakers, type ",
    el("code", null, `izwi compare ${quoted(a.name)} ${quoted(b.name)}`))];
}

// Rows of name, value of a, value of b and their difference, for what both have.
function beside(first, a, b, names, of, label, title = (name) => name) {
  const lines = names.map((name) => [title(name), of(a, name), of(b, name)]).filter((line) => number(line[1]) || number(line[2]));
  return lines.length ? table([[first, "text"], ...brief(a.name, b.name).map((name) => [name, "number"]), ["difference", "number"]], lines.map((line) => [...line, minus(line[1], line[2])]), { label }) : null;
}
const either = (a, b) => [...new Set([...Object.keys(a || {}), ...Object.keys(b || {})])];

function speakersOfBoth(a, b) {
  const names = paired(a, b) ? Object.keys(a.metrics.per_speaker || {}) : [];
  const value = (found, name) => ((found.metrics.per_speaker || {})[name] || {}).value;
  const differences = names.map((name) => [name, minus(value(a, name), value(b, name))]).filter(([, found]) => number(found));
  if (differences.length < 2) return null;
  const most = Math.max(...differences.map(([, found]) => Math.abs(found))) || 1;
  const higher = differences.filter(([, found]) => found > 0).length, same = differences.filter(([, found]) => found === 0).length;
  const mean = differences.reduce((sum, [, found]) => sum + found, 0) / differences.length;
  return section("Speaker by speaker",
    paragraph(`${a.name} is higher for ${higher} of ${differences.length} speakers${same ? `, equal for ${same}` : ""}; ${a.name} − ${b.name} is ${num(mean)} on average.`, "quiet"),
    strip(`Differences of the ${capital(a.metrics.measure)} of each speaker, ${a.name} − ${b.name}`, differences, [-most, most], [["equal", 0], ["mean", mean, "chance"]]),
    folded("Speakers as a table", beside("speaker", a, b, names, value, "speakers")));
}

function optionsOfBoth(a, b) {
  const values = (found) => new Map(found.options.map(([part, name, value]) => [`${part}\n${name}`, value]));
  const [first, second] = [values(a), values(b)];
  const names = [...new Set([...first.keys(), ...second.keys()])].filter((name) => first.get(name) !== second.get(name) && name !== "EXP\nname");
  const shown = (value) => (value === undefined ? "–" : value === "null" ? "none" : value);
  return section("Options that differ", names.length ? table([["part", "text"], ["option", "text"], ...brief(a.name, b.name).map((name) => [name, "text"])],
    names.map((name) => [...name.split("\n"), shown(first.get(name)), shown(second.get(name))]), { label: "options that differ" }) : paragraph("None.", "quiet"));
}

async function together(first, second, wanted) {
  const [a, b, tests] = await Promise.all([detail(first), detail(second), stored("tests")]);
  if (!wanted()) return;
  const measure = a.metrics.measure, alike = measure === b.metrics.measure;
  const names = brief(a.name, b.name);
  const line = (found, i) => ({ name: names[i], value: found.metrics.value, low: (found.metrics.ci || [])[0], high: (found.metrics.ci || [])[1] });
  const column = (found) => el("div", null, el("h3", null, el("a", { href: `#/${encodeURIComponent(found.name)}` }, found.name)), headline(found.metrics), paragraph(found.about, "quiet"),
    found.metrics.confusion ? matrix(found.metrics.confusion, found.metrics.runs) : null, found.curve ? curve(found.curve) : null);
  const heading = el("h2", { tabindex: "-1" }, `${a.name} and ${b.name}`);
  const of = (part, key) => (found, name) => { const value = ((found.metrics[part] || {})[name]); return key ? (value || {})[key] : value; };
  one.replaceChildren(...[
    el("nav", { "aria-label": "experiments" }, el("a", { href: "#" }, "← all experiments"), el("a", { href: `#/${encodeURIComponent(b.name)}/${encodeURIComponent(a.name)}`, class: "push" }, "swap")),
    heading, paired(a, b) ? ofBoth(a, b) : null, ...verdict(tests, a, b),
    alike ? dots(`${capital(measure)} with 95 % intervals`, [a, b].map(line), measure, guesses(a.metrics)) : null,
    el("div", { class: "pair" }, column(a), column(b)),
    section("Measures", beside("measure", a, b, either(a.metrics.metrics, b.metrics.metrics), of("metrics"), "measures", (name) => capital(name))),
    a.metrics.confusion && b.metrics.confusion ? section("Recall per class", beside("class", a, b, either(a.metrics.per_class, b.metrics.per_class), of("per_class", "recall"), "recall per class")) : null,
    speakersOfBoth(a, b), optionsOfBoth(a, b),
  ].filter(Boolean));
  opens(heading.textContent, heading);
}
