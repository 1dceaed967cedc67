"""All LaTeX that is written compiles, and is no wider than the text."""

import re
import shutil
import subprocess

import pytest
from test_tables import predictions, table_of

from izwi.evaluation import scoring
from izwi.reporting import latex
from izwi.reporting.tables import contents, writing
from izwi.reporting.texts import citations, table1

needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex"),
    reason="no pdflatex: install texlive-latex-recommended",
)
LONG = (
    "wav2vec2-large-robust-ft-swbd-300h",
    "Donaudampfschifffahrtsgesellschaft",
    'eine Gruppe, die "sehr" lang heißt & mehr: 50 % <b>_#$~^\\{} ≥ 2 → é Łódź',
    "MMMMMMMMMMMMMMMM l’été „so“ … †",
    "https://example.org/a_long/path_without/any/end/2024_01_01/data.csv?x=1&y=2",
)
SOURCE = {"value": -0.75, "source": f"A & B: {LONG[4]}, p. 3", "protocol": "10 %, -- apart"}


def results(name, rows, columns, *, values=(0.2, 0.9), measure="uar", uneven=False, few=False):
    """A table of results with controls; its figures do not matter here."""
    cells = [(i, j, f"{i} {j}") for i in range(len(rows)) for j in range(len(columns))]
    table = table_of(cells, rows, columns, name=name, measure=measure, caption=", ".join(rows))
    table["rows"] += [
        {"label": "chance", "control": "chance"},
        {"label": "metadata only", "control": "metadata"},
    ]
    table["published"] = [{"row": 0, "column": 0, **SOURCE}]
    low, high = values
    found = {}
    for i, row in enumerate(table["rows"]):
        for j in range(len(columns)):
            is_chance = row["control"] == "chance"
            found[i, j] = contents.Cell(
                i, j, None if is_chance else f"{i} {j}", row["control"],
                value=(low + high) / 2, ci=(None, None) if is_chance else values,
                ci_method="jackknife over speakers (t)", n=1000 + uneven * (7 * i + j),
                n_speakers=None if few else 125, how="simulated, 1000 guesses" * is_chance,
                marks=[] if is_chance else [contents.NOT_BETTER, contents.FEW, contents.CONSTANT],
                best=i == 0,
            )  # fmt: skip
    found[0, 0].marks = [contents.UNTESTED, contents.NARROW, contents.TRANSDUCTIVE]
    tests = contents.pd.DataFrame({"p": [0.5, None], "verdict": ["", "not testable"], "test": "x"})
    return writing.latex(contents.Contents(table, found, tests, [f"The control '{LONG[0]}' is."]))


def data(
    name, *, classes=("anger", "happiness"), segments=False, target="emotion", folds=0, **more
):
    """Table 1 of an experiment."""
    age = {"mean": 29.74, "sd": 4.4, "min": 21.0, "max": 35.5}
    cell = {"samples": 53512, "files": 53512, "speakers": 1251, "sex_unknown": 0, "minutes": 1017.8}
    cell |= {"sex": {"female": 605, "male": 646}, "age": age, **more}
    parts = [
        {"part": part, "class": label, **cell}
        for part in (["all"] if folds else ["train", "dev", "test"])
        for label in (*classes, None)
    ]
    parts += [{"part": f"fold {i}", "class": None, **cell} for i in range(folds)]
    if not classes:
        parts = [part | {"target": age} for part in parts]
    description = {
        "parts": parts,
        "segments": segments,
        "unused": 3,
        "cross_validation": folds,
        "folds": 10 > 0,
    }
    record = {"name": name, "databases": [{"name": LONG[0]}], "target": target}
    return table1.latex(record, {}, description)


def tables():
    grid = ["eGeMAPSv02", "emobase", "ComParE_2016"]
    return [
        results("one", grid[:1], ["svm"]),
        results("three", grid, ["svm", "xgb", "mlp"]),
        results("long", LONG, LONG[:4]),
        results("many", grid, [f"model {i}" for i in range(13)]),
        results("ccc", grid, ["svr", "xgr"], values=(-0.123, -0.012), measure="ccc"),
        results("mse", grid, ["svr", "xgr", "knn_reg"], values=(12345.6, 23456.7), measure="mse"),
        results("uneven", grid, LONG[:3], uneven=True, few=True),
        data("plain"),
        data("folds", folds=10),
        data("segments", segments=True, classes=[*LONG, "b"]),
        data("number", classes=(), target=LONG[0].replace("-", "_")),
        data("sexes", sex={"female": 6, "male": 5, "non-binary": 2, LONG[1]: 3}, sex_unknown=4),
        data("unknown", speakers=None, sex={}, age=None, minutes=None),
    ]


CLASSES = [
    r"\documentclass{article}",
    r"\documentclass[twocolumn]{article}",
    r"\documentclass[12pt,a4paper]{article}",
    r"\documentclass[11pt,a4paper,twocolumn]{article}",
]


def compiled(folder, body, *, draft=True):
    """Log of pdflatex on a document."""
    (folder / "paper.tex").write_text(body, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", *["-draftmode"] * draft, "paper.tex"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
    return (folder / "paper.log").read_text(encoding="utf-8", errors="replace")


@needs_latex
@pytest.mark.parametrize("kind", CLASSES)
def test_tables_fit_the_width(tmp_path, kind):
    texts = tables()
    # What a table says that it needs is all that it gets.
    packages = dict.fromkeys(re.findall(r"^% (\\usepackage\S+)$", "\n".join(texts), re.MULTILINE))
    body = "\n\n\\clearpage\n".join(texts)
    log = compiled(
        tmp_path, "\n".join([kind, *packages, r"\begin{document}", body, r"\end{document}", ""])
    )
    assert "Output written" in log or "[13]" in log.replace("\n", "")
    assert re.findall(r"^! .*|^Overfull.*", log, re.MULTILINE) == []


@needs_latex
def test_references_compile(tmp_path):
    entries = "\n".join(block for _, _, block in citations.entries().values())
    (tmp_path / "references.bib").write_text(entries, encoding="utf-8")
    head = r"\documentclass{article}\begin{document}\nocite{*}\bibliographystyle{plain}"
    paper = rf"{head}\bibliography{{references}}\end{{document}}"
    compiled(tmp_path, paper)
    found = subprocess.run(["bibtex", "paper"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 0 and "Warning" not in found.stdout, found.stdout
    assert not re.findall("^! .*", compiled(tmp_path, paper), re.MULTILINE)


def test_a_table_is_a_column_wide_where_it_can_be():
    assert r"\begin{table}" in results("t", ["a", "b"], ["svm", "xgb", "mlp"])
    assert r"\begin{table*}" in results("t", ["a", "b"], ["svm", "xgb", "mlp", "knn"])
    # More columns than a page is wide go below the others, each once.
    text = results("t", ["a"], [f"model {i}" for i in range(13)])
    assert [text.count(f"model {i} ") for i in range(13)] == [1] * 13
    assert len({line.count("&") for line in text.splitlines() if line.startswith("a &")}) <= 2


def test_letters_are_taken_literally():
    assert latex.escape('a--b "c" ≥ 2') == r"a-{}-b \char34{}c\char34{} $\geq$ 2"
    long = latex.escape("wav2vec2-large_x")
    assert long == r"wav2vec2-\allowbreak{}large\_\allowbreak{}x"
    assert latex.escape("wav2vec2-large_x", across=True) == r"wav2vec2-large\_x"
    # Which engine can print the others is said.
    assert "LuaLaTeX" in data("x", target="情感") and "情" in data("x", target="情感")
    assert "LuaLaTeX" not in data("x", target="l’été „so“")


def test_measured_values_are_those_of_a_real_evaluation():
    """The cells that are written are those that scoring gives."""
    frame = predictions(0.9)
    spec = {"task": "classification", "measure": "uar", "labels": ["x", "y"], "seed": 1}
    metrics = scoring.evaluate(spec, frame, training={"counts": {"train": 9}}, split={}, tables=[])
    table = table_of([(0, 0, "a")], ["a"], ["m"])
    text = writing.latex(contents.fill(table, {"a": metrics}, lambda name: frame))
    low, high = metrics["ci"]
    assert (
        rf"a & {metrics['value']:.3f}\linebreak {{\scriptsize [{low:.3f}, {high:.3f}]}} \\" in text
    )
