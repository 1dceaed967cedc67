"""What the documentation tells users to write and to type is what izwi knows."""

import re
from pathlib import Path

import pytest

from izwi.cli import COMMANDS
from izwi.config.experiment import resolve
from izwi.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
INI = re.compile(r"^[ ]*```ini\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
# Calls of izwi: lines of a block, and words in a text.
SHELL = re.compile(r"^(?: {4}|\.venv/bin/|(?=izwi \w+ (?:-|\S+[./_])))izwi (\w+)(.*)", re.MULTILINE)
CALL = re.compile(r"`(?:\.venv/bin/)?izwi ([a-z]+)([^\n`]*)`")
# Options that pages show how to add.
ADDED = ("[PLOT] speakers", "[FEATS] scale: 'center'", "split_strategy: 'latest'")
UNKNOWN = re.compile(r"unknown|did you mean|not built|must be|is no ")


def blocks(pattern):
    return [
        pytest.param(match.group(1), id=f"{page.stem}-{number}")
        for page in PAGES
        for number, match in enumerate(pattern.finditer(page.read_text(encoding="utf-8")))
    ]


def test_each_difference_that_changes_a_figure_says_how_to_undo_it_or_why_not():
    text = (ROOT / "docs/differences.md").read_text(encoding="utf-8")
    rows = text.split("| to have it its way |\n")[1].split("\n\n")[0].splitlines()[1:]
    assert len(rows) > 20
    for row in rows:
        assert row.strip("|").split("|")[-1].strip(), row


@pytest.mark.parametrize("text", blocks(INI))
def test_inis_of_the_pages_hold_known_options_with_allowed_values(text, tmp_path):
    """Files, databases and whole sections may be left out on a page."""
    if not text.lstrip("#; \n").startswith("["):
        text = f"[DATA]\n{text}"
    if "[EXP]" not in text:
        text = f"[EXP]\nname = page\n{text}"
    (tmp_path / "page.ini").write_text(text, encoding="utf-8")
    try:
        resolve("page.ini", cwd=tmp_path)
    except UserError as error:
        lines = [line for line in error.problems if "/" not in line.partition(": ")[2]]
        lines = [line for line in lines if not any(added in line for added in ADDED)]
        assert not [line for line in lines if UNKNOWN.search(line)]


def test_files_that_the_pages_name_exist():
    """But for those of the user, my_paper and the like."""
    named = re.compile(r"(?<![\w/.])(?:config|scripts|docs|envs|profiles|rules)/[\w./*-]+[\w*]")
    missing = {
        (page.name, name)
        for page in PAGES
        for name in named.findall(page.read_text(encoding="utf-8"))
        if "/my_" not in name and not list(ROOT.glob(name))
    }
    assert not missing


def test_links_between_the_pages_lead_somewhere():
    link = re.compile(r"\]\((?!https?:|#)([^)#]+)")
    broken = {
        (page.name, target)
        for page in PAGES
        for target in link.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    }
    assert not broken


def test_targets_of_make_and_options_of_scripts_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"^(?: {4}|`*)make ([a-z-]+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page.name, target)
        for script, arguments in re.findall(r"python (scripts/\w+\.py)([^\n`]*)", text):
            source = (ROOT / script).read_text(encoding="utf-8")
            for option in re.findall(r"--[a-z-]+", arguments.partition("#")[0]):
                assert f'"{option}"' in source, (page.name, script, option)


def test_commands_of_izwi_and_their_options_exist():
    called = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        calls = [*SHELL.findall(text), *CALL.findall(text)]
        for command, arguments in calls:
            assert command in COMMANDS, (page.name, command)
            called.add(command)
            source = (ROOT / "izwi" / "cli" / f"{command}.py").read_text(encoding="utf-8")
            for option in re.findall(r"(?<=\s)--[a-z-]+", arguments.partition("#")[0]):
                # What izwi run passes on is Snakemake's.
                known = command == "run" or option == "--help"
                assert known or f'"{option}"' in source, (page.name, command, option)
    assert called == set(COMMANDS)


def test_every_shipped_experiment_is_described():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    stems = {path.stem for path in (ROOT / "config/experiments").glob("*.ini")}
    told = set(re.findall(r"([\w*]+)\.ini", text))
    lost = {s for s in stems if not any(Path(s).match(pattern) for pattern in told)}
    assert not lost


def test_the_experiment_of_the_readme_is_the_demo(tmp_path):
    """But for its pictures."""
    (text,) = INI.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    (tmp_path / "demo.ini").write_text(text, encoding="utf-8")
    shown = resolve("demo.ini", cwd=tmp_path)
    shipped = resolve(ROOT / "config" / "experiments" / "demo.ini", cwd=tmp_path)
    split = shown.split["databases"]["demo"] | {"split_strategy": "speaker_split"}
    assert split == shipped.split["databases"]["demo"]
    for part in ("name", "target", "features", "preprocessing", "model", "evaluation"):
        assert getattr(shown, part) == getattr(shipped, part), part


def test_measured_values_of_the_readme_are_those_of_the_page():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (nine,) = re.findall(r"\| 9 experiments: .*? \| ([\d.]+) / [\d.]+ \| ([\d.]+) /", page)
    (one,) = re.findall(r"\| one experiment added \| ([\d.]+) ", page)
    praat = re.findall(r"\| praat, EmoDB \| izwi, two cores \| ([\d.]+)", page)
    praat += re.findall(r"nkululeko, one core \| ([\d.]+)", page)
    for number in (*nine, *praat):
        assert f"{float(number):.0f} s" in readme, number
    assert f"{one} s" in readme


def test_every_value_of_split_strategy_is_explained():
    from izwi.splits.strategies import STRATEGIES

    page = (
        (ROOT / "docs" / "options.md").read_text(encoding="utf-8").partition("split_strategy\n")[2]
    )
    for name, strategy in STRATEGIES.items():
        assert strategy.doc and f"| `{name}` | {strategy.doc} |" in page


def test_stages_of_options_are_stages():
    from izwi.config.options import all_options
    from izwi.engine.stage import stages

    assert {one.stage for one in all_options()} <= {*stages(), "none"}


def test_pages_whose_commands_need_a_checkout_say_so():
    call = re.compile(r"(?:snakemake|izwi \w+)[^\n`]*\bconfig/(?:experiments|papers|grids)")
    pages = [page for page in PAGES if call.search(page.read_text(encoding="utf-8"))]
    assert len(pages) > 8
    silent = {page.name for page in pages if "checkout" not in page.read_text(encoding="utf-8")}
    # Both are of the checkout itself.
    assert silent <= {"README.md", "architecture.md"}
