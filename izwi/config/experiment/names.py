"""Name of an experiment, and where its predictions go."""

from __future__ import annotations

import os
from pathlib import Path

from izwi.config.experiment.entries import Entries
from izwi.data import soft_labels

# Longest name of an experiment in bytes, since it names a folder and files.
LONGEST_NAME = 200


def read_name(entries: Entries) -> str:
    """Name of the experiment and of its folder."""
    name = entries.get("EXP", "name") or entries.file.stem
    if "/" in name or "\\" in name or name in (".", ".."):
        last = name.replace("\\", "/").rstrip("/.").rpartition("/")[2]
        if not last:
            entries.problem("EXP", "name", f"'{name}' is not a name, such as my_name")
            return name
        # Published inis give a path here; use its last part.
        entries.notes.append(f"[EXP] name: '{name}' is a path, the experiment is called '{last}'")
        name = last
    if why := no_folder(name):
        entries.problem("EXP", "name", f"'{name}' {why}: take letters, digits, spaces, - and _")
    return name


def read_save_test(entries: Entries) -> str | None:
    """Path of the database of predictions; an existing file is replaced only if it is a link."""
    text = entries.get("EXP", "save_test")
    if text is None:
        for key in ("min_confidence", "max_uncertainty"):
            if ("EXP", key) in entries.general:
                entries.notes.append(f"[EXP] {key}: no effect without save_test")
        return None
    path = soft_labels.place_of(text, entries.cwd)
    if not text.lower().endswith(".csv"):
        entries.problem("EXP", "save_test", f"'{text}' is not a CSV file, such as {text}.csv")
    elif os.path.exists(path) and not os.path.islink(path):
        entries.problem(
            "EXP",
            "save_test",
            f"{path} exists already and would be replaced: move it away, or name another",
        )
    elif why := no_folder(path.rpartition("/")[2]) or ("{" in path and "holds '{'"):
        entries.problem("EXP", "save_test", f"{path} {why}: name another file")
    elif shut := next((p for p in _above(path) if os.path.lexists(p) and not os.path.isdir(p)), ""):
        entries.problem(
            "EXP", "save_test", f"{shut} is no folder, nor a link to one: name another file"
        )
    return path


def _above(path: str) -> list[str]:
    """The folders that a path lies in."""
    return [str(parent) for parent in Path(path).parents]


def no_folder(name: str) -> str:
    """Why a name cannot be a folder name on every computer; empty if it can."""
    wrong = sorted({char for char in name if char in '{}<>:"|?*' or not char.isprintable()})
    if wrong:
        return f"holds {' '.join(map(repr, wrong))}"
    if name != name.strip(" .") or name.startswith("-"):
        return f"begins or ends with {(name[:1] if name[:1] in ' .-' else name[-1:])!r}"
    if len(name.encode()) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} bytes"
    return ""
