"""Texts from strangers in the media that izwi writes: shown, and nothing else."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess

import pytest

from izwi.reporting import escaping
from izwi.reporting.page import markup

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td><ScRiPt x>",
    "<!-- x",
    "<?php x ?>",
    "<https://evil.example>",
    "[click](javascript:alert(1))",
    "![seen](https://evil.example/x.png)",
    "two\nlines",
    "a\n\n# heading\n\n| x | y |\n|---|---|\n",
    "a\r\n<script>",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m",
    "\u202egpj.exe",
    "\u2028line",
    "$(touch outside)",
    "`touch outside`",
    "'; touch outside; '",
    "``` x",
    "a|b",
    "\\input{/etc/passwd}",
    "$\\write18{x}$",
    "x} \\end{table}",
    "@misc{x, title={y}}",
    "% x",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_each_medium_shows_a_text_and_does_nothing(text, tmp_path):
    assert escaping.one_line({text: [text]}).popitem()[1][0].isprintable()
    for shown in (
        escaping.markdown(escaping.one_line(f"a {text} b")),
        escaping.markdown_text(text),
    ):
        outside = re.sub(r"`[^`]*`", "", shown)
        assert not re.search(r"(?<!\\)<[A-Za-z/!?]", outside) and "\n" not in shown
        assert not re.search(r"\](?<!\\\])\((?!\s)", outside)
    assert "<" not in escaping.html(text).replace("&lt;", "")
    cell = escaping.markdown_cell(text)
    assert "|" not in cell and cell.isprintable()
    code = escaping.markdown_code(text)
    fence = re.match("`+", code)[0]
    assert code.endswith(fence) and fence not in code[len(fence) : -len(fence)]
    latex = escaping.latex(text)
    left = re.sub(
        r"\\(textbackslash|textasciitilde|textless|textgreater)\{\}|\\[&%$#_{}]", "", latex
    )
    assert not set(left) & set("\\{}$%#_&") and latex.isprintable()
    assert "@" not in escaping.bibtex_comment(text) and "\n" not in escaping.bibtex_comment(text)
    done = subprocess.run(
        ["sh", "-c", f"printf %s {escaping.shell(text)}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [done.stdout] == shlex.split(escaping.shell(text))
    assert list(tmp_path.iterdir()) == []


def test_plain_texts_stay_as_they_are():
    for text in ("p < .05 (n = 3)", "a [.1, .9] (b)", "`x <y>` and a_b", "größe 実験", "**UAR**"):
        assert escaping.markdown(text) == text
    assert escaping.shell("emodb_os-svm") == "emodb_os-svm"
    assert escaping.markdown_code("izwi predict") == "`izwi predict`"


@pytest.mark.parametrize("text", HOSTILE)
def test_the_page_shows_markdown_of_texts_literally(text):
    """The page turns texts into HTML again, where they must stay texts."""
    document = escaping.markdown(escaping.one_line(f"# {text}\n\n| {text} |\n|---|\n| {text} |\n"))
    shown = markup.markdown(copy.copy(document))
    tags = set(re.findall(r"</?(\w+)", shown))
    assert tags <= {"h4", "div", "table", "thead", "tbody", "tr", "th", "td", "p", "strong"}
    assert "javascript:" not in re.sub(r">[^<]*<", "><", shown)
