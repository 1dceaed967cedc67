const all = document.getElementById("all"), one = document.getElementById("one");
const rows = [...document.querySelectorAll("#summary > tbody > tr")];
const title = document.title;

// --------------------------------------------------------------- filters
const form = document.getElementById("filters"), search = document.getElementById("search");
const selects = [...form.querySelectorAll("select")];
const fold = (text) => text.normalize("NFKC").toLowerCase();
const known = rows.map((row) => ({ row, text: fold(row.textContent), places: row.dataset.f.split(",").map((value) => value.split(" ")) }));

function filter() {
  const words = fold(search.value).split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { row, text, places } of known) {
    const fits = words.every((word) => text.includes(word)) &&
      selects.every((select) => !select.selectedIndex || places[select.dataset.place].includes(String(select.selectedIndex)));
    row.hidden = !fits;
    shown += fits;
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length}`;
}
form.hidden = rows.length < 2;
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
filter();

// ------------------------------------------------- thumbnails and choices
const labels = JSON.parse(document.getElementById("labels").textContent);
for (const cell of document.querySelectorAll("#summary td[data-c]"))
  cell.append(thumbnail(labels[cell.dataset.l], cell.dataset.c.match(/../g).map((pair) => parseInt(pair, 36) / 100)));

const pair = document.getElementById("compare");
const boxes = rows.map((row) => {
  const link = row.querySelector("a");
  const box = el("input", { type: "checkbox", "aria-label": `compare ${link.textContent}`, autocomplete: "off", hidden: rows.length < 2 });
  link.before(box, " ");
  return box;
});
const chosen = () => rows.filter((row, i) => boxes[i].checked).map((row) => row.querySelector("a").getAttribute("href").slice(1));
function choose() {
  const found = chosen();
  pair.disabled = found.length !== 2;
  pair.textContent = found.length > 2 ? `compare: two, not ${found.length}` : "compare two";
}
document.getElementById("summary").addEventListener("change", choose);
pair.addEventListener("click", () => { location.hash = `#${chosen().join("")}`; });
choose();

// ---------------------------------------------------------------- routes
const places = new Map(rows.map((row) => [row.querySelector("a").getAttribute("href"), Number(row.dataset.x)]));
let left = 0, last = null, asked = 0;
async function route() {
  const turn = ++asked, wanted = () => turn === asked;
  const found = location.hash.split("/").slice(1).map((name) => places.get(`#/${name}`)).filter((place) => place !== undefined);
  if (found.length === 1 || found.length === 2) {
    if (one.hidden) left = scrollY;
    try {
      await (found.length === 1 ? show(found[0], wanted) : together(...found, wanted));
    } catch (error) {
      opens("", one.appendChild(el("p", { class: "callout", tabindex: "-1" }, `This browser cannot open the details: ${error.message}. One of 2023 or later can.`)));
    }
    last = found[0];
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

// Show what was put into the second part of the page.
function opens(name, heading) {
  all.hidden = true;
  one.hidden = false;
  document.title = `${name} · ${title}`;
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
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
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...one.querySelectorAll("details:not([open])")];
  for (const node of unfolded) node.open = true;
});
addEventListener("afterprint", () => unfolded.forEach((node) => { node.open = false; }));

for (const image of document.querySelectorAll("img[data-file]")) image.src = carried(image.dataset.file);
route();