"""What the package says of itself, and what it needs."""

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import izwi
from izwi import home
from izwi.reporting.texts import citations
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
ENVIRONMENTS = runpy.run_path(str(ROOT / "scripts" / "make_environments.py"), run_name="made")


def wanted_by_izwi(file: str) -> dict[str, str]:
    """What a requirements file pins for izwi itself, which stands before what that needs."""
    text = (ROOT / file).read_text(encoding="utf-8")
    lines = text.partition("# What ")[0].splitlines()
    pins = [line.partition("#")[0].strip() for line in lines]
    return {canonicalize_name(n): v for n, _, v in (p.partition("==") for p in pins if p)}


def test_one_version_everywhere():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\d+\.\d+\.\d+)$", changelog, re.MULTILINE)
    assert versions[0] == izwi.__version__ and versions[-1] == "0.1.0"
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "izwi.__version__"}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == izwi.__version__
    assert citation["license"] == PROJECT["project"]["license"] == "MIT"


def test_changes_are_added_changed_or_fixed():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for version in changelog.split("\n## ")[1:]:
        titles = re.findall(r"^(\w+):$", version, re.MULTILINE)
        assert titles and titles == [t for t in ("Added", "Changed", "Fixed") if t in titles]
        # A line that goes on is indented.
        for line in version.splitlines()[1:]:
            assert re.match(r"$|Added:|Changed:|Fixed:|- |  ", line), line


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_ranges_hold_what_is_pinned(extra):
    """A package in requirements*.txt stands in pyproject.toml, too, and the other way round."""
    ranges = EXTRAS[extra] if extra else PROJECT["project"]["dependencies"]
    found = {canonicalize_name(one.name): one.specifier for one in map(Requirement, ranges)}
    pins = wanted_by_izwi(f"requirements-{extra}.txt" if extra else "requirements.txt")
    assert set(found) == set(pins)
    for name, pin in pins.items():
        specifier: SpecifierSet = found[name]
        assert pin in specifier, name
        # Neither older than what is tested, nor whatever comes.
        assert {one.operator for one in specifier} == {">=", "<"}, name


def test_in_a_checkout_the_files_of_the_root_are_used():
    assert home.HOME == ROOT
    assert home.SNAKEFILE.is_file() and home.DEFAULT_CONFIG.is_file()
    assert citations.CITATION == ROOT / "CITATION.cff"
    assert citations.izwi_citation()["title"].startswith("izwi: ")


def test_all_data_of_the_package_is_packed():
    """A kind of file that setup.py does not name would be missing where izwi is installed."""
    packed = set(re.findall(r'"(\w+)"', re.search(r"DATA = \((.*?)\)", setup_file())[1]))
    kinds = {
        path.suffix.removeprefix(".")
        for path in (ROOT / "izwi").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert kinds - {"py", "pyc"} <= packed
    for name in ("Snakefile", "CITATION.cff", "rules/", "profiles/", "config/", "envs/"):
        assert f'"{name}' in setup_file(), name


def setup_file() -> str:
    return (ROOT / "setup.py").read_text(encoding="utf-8")


def test_every_package_of_izwi_has_an_init():
    """setuptools would leave out the others without a word."""
    for path in (ROOT / "izwi").rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), path


def test_importing_izwi_is_light():
    code = (
        "import sys, izwi, izwi.cli; "
        "print([m for m in ('numpy', 'pandas', 'yaml', 'snakemake', 'izwi.api') "
        "if m in sys.modules]); izwi.run; print('izwi.api' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "True False"]
    with pytest.raises(AttributeError, match="module 'izwi' has no attribute 'runn'"):
        _ = izwi.runn


# ---------------------------------------------------------------------- conda


@pytest.mark.parametrize("name", ENVIRONMENTS["ENVIRONMENTS"])
def test_environments_are_current(name):
    path = ROOT / "envs" / f"{name}.yaml"
    assert path.read_text("utf-8") == ENVIRONMENTS["environment"](name), "run: make locks"


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda p: p.stem)
def test_environments_stand_alone(path):
    """Snakemake copies the file to a folder of its own, where no requirements file is."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    (lines,) = [part["pip"] for part in content["dependencies"] if isinstance(part, dict)]
    options = [line for line in lines if line.startswith("-")]
    assert options == ([ENVIRONMENTS["CPU_TORCH"]] if "deep" in path.stem else [])
    pins = [Requirement(line) for line in lines if line not in options]
    for pin in pins:
        assert pin.url is None and [one.operator for one in pin.specifier] == ["=="]
    names = [canonicalize_name(pin.name) for pin in pins]
    assert len(names) == len(set(names))
    # What the main process uses, the jobs find there as well.
    assert set(wanted_by_izwi("requirements.txt")) <= set(names)


def test_all_environments_of_the_rules_are_made():
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "rules").glob("*.smk"))
    used = set(re.findall(r"envs/(\w+)\.yaml", rules))
    assert used <= set(ENVIRONMENTS["ENVIRONMENTS"])
    assert {path.stem for path in (ROOT / "envs").glob("*.yaml")} == set(
        ENVIRONMENTS["ENVIRONMENTS"]
    )


# ------------------------------------------------------------ files of the repository


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        ".pre-commit-config.yaml",
        ".snakemake-workflow-catalog.yml",
        "CITATION.cff",
    ],
)
def test_files_for_others_are_yaml(path):
    assert isinstance(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")), dict)


def test_hooks_and_ci_call_what_there_is():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"].split()[0] for repo in hooks["repos"] for hook in repo["hooks"]]
    assert [Path(entry).name for entry in entries] == ["ruff", "ruff", "snakefmt", "mypy"]
    ci = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert "run: .ci/run" in ci and (ROOT / ".ci/run").is_file()
