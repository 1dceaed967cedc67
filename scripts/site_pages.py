"""A hook of mkdocs: pages outside of docs/ belong to the site, and links lead to them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
# Where a file of the repository stands in the site.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "report_security.md",
    "config/README.md": "config.md",
}
# Of a Markdown link, or of a picture in HTML.
_LINK = re.compile(r'(\]\(|src=")(?!https?:|#|mailto:)([^)"#\s]+)')


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the pages, and the other files that pages link to."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=moved(text, source)))
    for path in linked():
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let the links of a page of docs/ lead to where their files stand."""
    return markdown if page.file.generated_by else moved(markdown, f"docs/{page.file.src_uri}")


def linked() -> list[str]:
    """Files outside of docs/ that pages link to, other than pages."""
    sources = [*PAGES, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
    found = {
        target_of(target, source)
        for source in sources
        for _, target in _LINK.findall((ROOT / source).read_text(encoding="utf-8"))
    }
    return sorted(
        path
        for path in found
        if not path.startswith("docs/") and path not in PAGES and (ROOT / path).is_file()
    )


def target_of(target: str, source: str) -> str:
    """Path in the repository of what a link of a file leads to."""
    return os.path.normpath(os.path.join(os.path.dirname(source), target))


def place(path: str) -> str:
    """Path in the site of a file of the repository."""
    return PAGES.get(path, path.removeprefix("docs/"))


def moved(text: str, source: str) -> str:
    """The text of a page with links as they are in the site."""
    here = os.path.dirname(place(source))

    def link(match: re.Match[str]) -> str:
        return match[1] + os.path.relpath(place(target_of(match[2], source)), here or ".")

    return _LINK.sub(link, text)
