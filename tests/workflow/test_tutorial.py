"""What the tutorial and the notebook show is what happens when they are run in an empty folder."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from workflow import IZWI, izwi_environment

from tests.conftest import CACHE, ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import run_notebook
from docs_pictures import expanded, steps

NOTEBOOK = ROOT / "docs" / "notebooks" / "first.ipynb"


def test_the_notebook_runs_and_says_what_is_stored(tmp_path):
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    found = run_notebook.texts(run_notebook.run(notebook, tmp_path, os.environ[CACHE]))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert found == run_notebook.texts([cell["outputs"] for cell in code])
    stored = NOTEBOOK.read_text(encoding="utf-8")
    assert stored.count('"image/png"') == 2 and len(stored) < 200_000
    assert str(Path.home()) not in stored and str(ROOT) not in stored


def test_the_tutorial_runs_and_says_what_it_shows(tmp_path):
    """Every file of the page is written, and every command called, in its order."""
    called = set()
    for step in steps((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")):
        if step.file:
            (tmp_path / step.file).write_text(step.text, encoding="utf-8")
            continue
        words = [w for word in shlex.split(step.text) for w in expanded(word, tmp_path)]
        called.add(words[1])
        if words[1] in ("run", "check"):
            words += ["--config", f"cache={os.environ[CACHE]}"]
        done = subprocess.run(
            [*IZWI, *words[1:]],
            cwd=tmp_path,
            env=izwi_environment(COLUMNS="120"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (step.text, done.stderr)
        if step.output:
            assert step.output.split() == done.stdout.split(), step.text
    assert {"run", "new", "check", "compare", "explain"} <= called
