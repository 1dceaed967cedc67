"""Text of an ini: sections, keys, values, and the lines where they stand."""

from __future__ import annotations

import ast
import codecs
import re
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from izwi.errors import UserError

_SECTION = re.compile(r"\[\s*([\w .-]+?)\s*\]\s*(?:[#;].*)?$")
_ENTRY = re.compile(r"([^=:\s][^=:]*?)\s*[=:]\s*(.*)$")
_OPENING = ("[", "{", "(", '"', "'")
_PAIRS = {"]": "[", "}": "{", ")": "("}


class Value(NamedTuple):
    """Raw text of a value, without comments, and the number of the line where it begins.

    A value from another file stores that file, and its text there.
    """

    text: str
    line: int
    source: str = ""
    written: str = ""


@dataclass
class Ini:
    """A read ini.

    Args:
        sections: upper-case section → lower-case key → value
        lines: upper-case section → number of its line
        spelling: lower-case key → the key as its author wrote it, for messages
        problems: errors in the text itself, one line each
    """

    sections: dict[str, dict[str, Value]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    spelling: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_ini(path: str | Path, *, default: str = "") -> Ini:
    """Read an ini file, with or without byte order mark, with any line ends.

    Args:
        path: its path
        default: upper-case section of what stands before the first header, if that is allowed

    Returns:
        sections and values; mistakes of form are in its ``problems``

    Raises:
        UserError: if the file is missing or is no UTF-8 text
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError("no such file") from None
    except IsADirectoryError:
        raise UserError("is a folder, not an ini file") from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UserError("the file is UTF-16: save it as UTF-8 in your editor")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"line {line}: the file is not UTF-8 but probably Windows-1252 or Latin-1: save it "
            "as UTF-8 in your editor, or type: iconv -f cp1252 -t utf-8 old.ini > new.ini"
        ) from None
    return parse(text, default=default)


def parse(text: str, *, default: str = "") -> Ini:
    """Parse the text of an ini.

    Args:
        text: content of the file
        default: upper-case section of what stands before the first header, if that is allowed

    Returns:
        sections and values; mistakes of form are in its ``problems``
    """
    ini = Ini()
    section: dict[str, Value] = ini.sections.setdefault(default, {}) if default else {}
    store = section
    name, key = default, ""
    indent = 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        depth = len(line) - len(line.lstrip())
        header = _SECTION.match(bare)
        if key and depth > indent and not (header and not _is_open(store[key].text)):
            value = store[key]
            if _is_entry(bare) and not _is_open(value.text):
                ini.problems.append(
                    f"line {number}: '{bare}' is indented, so it would continue "
                    f"'{ini.spelling[key]}': begin it at the margin"
                )
                continue
            store[key] = Value(f"{value.text}\n{_strip_comment(bare)}", value.line)
            continue
        if header:
            name, key = header[1].upper(), ""
            if name in ini.lines:
                ini.problems.append(
                    f"line {number}: section [{name}] is already on line {ini.lines[name]}: "
                    "merge the two"
                )
            ini.lines.setdefault(name, number)
            section = ini.sections.setdefault(name, {})
            continue
        entry = _ENTRY.match(bare)
        if not entry:
            ini.problems.append(
                f"line {number}: '{bare}' is neither a [SECTION] nor a 'key = value' (further "
                "lines of a value are indented)"
            )
            key = ""
        elif not ini.sections:
            ini.problems.append(f"line {number}: '{bare}' stands before the first [SECTION]")
        else:
            key, indent, store = entry[1].lower(), depth, section
            if key in section:
                ini.problems.append(
                    f"line {number}: [{name}] {entry[1]} is already on line "
                    f"{section[key].line}: keep one of them"
                )
                store = {}
            else:
                ini.spelling.setdefault(key, entry[1])
            store[key] = Value(_strip_comment(entry[2]), number)
    return ini


def _is_entry(text: str) -> bool:
    return re.match(r"[\w.-]+\s*[=:]\s", text) is not None


def _is_open(text: str) -> bool:
    """True if a bracket of a value is not closed yet."""
    return sum(text.count(c) for c in "[{(") > sum(text.count(c) for c in "]})")


def _strip_comment(text: str) -> str:
    """Value without inline comment: ``#`` or ``;`` after white space and outside quotes."""
    if "#" not in text and ";" not in text:
        return text.strip()
    quote = ""
    before = " "
    escaped = False
    for position, char in enumerate(text):
        if quote:
            if char == quote and not escaped:
                quote = ""
            escaped = char == "\\" and not escaped
        elif char in "\"'" and not before.isalnum() and char in text[position + 1 :]:
            quote = char
        elif char in "#;" and before.isspace():
            return text[:position].strip()
        before = char
    return text.strip()


def literal(text: str) -> Any:
    """Value of a text: a Python literal if it is one, else the text itself, a bare word.

    A quoted list, such as ``"['os']"``, is the list.

    Args:
        text: raw text of a value

    Returns:
        number, text, bool, None, list, tuple, dict or set

    Raises:
        ValueError: if the text opens a bracket or a quote but is not a literal
    """
    if text[:1].isalpha() and text not in ("True", "False", "None"):
        return text
    try:
        value = _evaluate(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        if text.startswith(_OPENING):
            raise ValueError(f"{_shorten(text)} {_why_broken(text)}") from None
        return text
    if isinstance(value, str) and value.startswith(("[", "{", "(")):
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    if isinstance(value, complex | bytes) or value is Ellipsis:
        return text
    return value


def _evaluate(text: str) -> Any:
    # Each caller gets its own copy; only the parsing is slow.
    return ast.literal_eval(_parsed(text))


@cache
def _parsed(text: str) -> ast.Expression:
    text = text.lstrip(" \t")
    if "\\" not in text:
        return ast.parse(text, mode="eval")
    with warnings.catch_warnings():
        # A Windows path holds invalid escapes; options that are text take the raw text anyway.
        warnings.simplefilter("ignore")
        return ast.parse(text, mode="eval")


def unquoted(text: str) -> str:
    """Text without the quotes around it, its backslashes as they are."""
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] and text[0] not in text[1:-1]:
        return text[1:-1]
    return text


def _shorten(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:57] + "..."


def _why_broken(text: str) -> str:
    """What is missing in a broken literal, as far as can be determined."""
    if text[0] in "\"'" and text.count(text[0]) % 2:
        return "lacks a closing quote"
    stack: list[str] = []
    quote = ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "[{(":
            stack.append(char)
        elif char in _PAIRS and (not stack or stack.pop() != _PAIRS[char]):
            return f"has a '{char}' too many"
    if quote:
        return "lacks a closing quote"
    if stack:
        return f"lacks a closing '{dict(zip('[{(', ']})', strict=True))[stack[-1]]}'"
    return "is not a Python literal: put words in quotes, and commas between them"
