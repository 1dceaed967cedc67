"""Run docs/tutorial.md in an empty folder and make its pictures: python scripts/docs_pictures.py.

The page of results is photographed by Chromium through selenium, where both are installed.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
# Kind and content of a block; a first line "# name" is the name of the file that it is.
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.(?:ini|yaml))\n")
WIDTH, HEIGHT = 1400, 640
COLOURS = 64


@dataclass
class Step:
    """One thing that a reader of the tutorial does.

    Args:
        text: the command, or the content of the file
        file: the file to write; empty for a command
        output: what the page shows of the command's output
    """

    text: str
    file: str = ""
    output: str = ""


def steps(page: str) -> Iterator[Step]:
    """What a page tells its reader to do, in its order."""
    waiting: list[Step] = []
    for kind, text in _BLOCK.findall(page):
        if kind == "text":
            waiting[-1].output = text
            continue
        yield from waiting
        waiting = []
        if match := _FILE.match(text):
            yield Step(text, match[1])
        elif kind == "sh":
            waiting = [Step(line) for line in text.splitlines() if line.strip()]
    yield from waiting


def main() -> None:
    """Run the tutorial and write its pictures."""
    from PIL import Image

    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shot = folder / "page.png"
        for step in steps(page):
            if step.file:
                (folder / step.file).write_text(step.text, encoding="utf-8")
                continue
            words = shlex.split(step.text)[1:]
            words = [found for word in words for found in expanded(word, folder)]
            command = [sys.executable, "-P", "-m", "izwi", *words]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            subprocess.run(command, cwd=folder, env=environment, check=True)
            if words == ["run", "models.yaml"]:
                _photograph(folder / "results" / "index.html", shot)
        matrix = folder / "results/experiments/mine/plots/confusion_matrix.png"
        for source, target in ((matrix, "confusion_matrix"), (shot, "page")):
            image = Image.open(source).convert("RGB").quantize(COLOURS)
            image.save(IMAGES / f"tutorial_{target}.png", optimize=True)


def expanded(word: str, folder: Path) -> list[str]:
    """A word as a shell reads it."""
    return sorted(glob.glob(word, root_dir=folder)) if "*" in word else [word]


def _photograph(page: Path, target: Path) -> None:
    """The top of a page as a reader sees it."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(word)
    options.add_argument(f"--window-size={WIDTH},{HEIGHT}")
    with webdriver.Chrome(options=options) as browser:
        browser.get(page.as_uri())
        browser.implicitly_wait(2)
        browser.save_screenshot(str(target))


if __name__ == "__main__":
    main()
