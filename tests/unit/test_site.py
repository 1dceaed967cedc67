"""The docs as a site: all pages are in it, and it needs no network to be read."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
OUTSIDE = {"index.md", "changelog.md", "contributing.md", "report_security.md", "config.md"}


def pages(nav):
    for entry in nav if isinstance(nav, list) else nav.values():
        if isinstance(entry, str):
            yield entry
        else:
            yield from pages(entry)


def test_every_page_is_in_the_navigation_once():
    found = sorted(pages(CONFIG["nav"]))
    assert found == sorted(OUTSIDE | {path.name for path in (ROOT / "docs").glob("*.md")})


def test_the_kinds_of_pages_are_the_tabs():
    tabs = [next(iter(entry)) for entry in CONFIG["nav"]]
    assert tabs == ["Start", "Tutorial", "How to", "Reference", "Explanation"]


def test_pages_outside_of_docs_are_those_of_the_hook():
    hook = (ROOT / "scripts" / "site_pages.py").read_text(encoding="utf-8")
    assert set(re.findall(r'": "(\w+\.md)"', hook)) == OUTSIDE


def mkdocs():
    """The program, of `make site` or of the path; else a reason to skip."""
    own = ROOT / ".venv-site" / "bin" / "mkdocs"
    found = str(own) if own.is_file() else shutil.which("mkdocs")
    if not found:
        pytest.skip("no mkdocs: make site installs it")
    return found


def test_the_site_is_built_without_a_warning_and_asks_the_network_for_nothing(tmp_path):
    program = mkdocs()
    done = subprocess.run(
        [program, "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for page in set(tmp_path.rglob("*.html")) - {tmp_path / "404.html"}:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="?([^" >]+)', text)
        loaded += re.findall(r'<link[^>]* rel="?stylesheet"?[^>]* href="?([^" >]+)', text)
        loaded += re.findall(r'<link[^>]* href="?([^" >]+)[^>]* rel="?stylesheet', text)
        assert loaded
        assert not [place for place in loaded if re.match("(https?:)?//", place)], page.name
        assert not [p for p in loaded if not (page.parent / p.partition("?")[0]).exists()]
    # Docstrings, and a page from outside of docs/.
    assert "Test whether experiments differ" in (tmp_path / "api.html").read_text(encoding="utf-8")
    assert (tmp_path / "config.html").is_file()
