"""Options that models and feature extractors define themselves."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import Any

from izwi.config import options as table
from izwi.config.experiment.entries import Entries
from izwi.config.options import WIDE, Option, suggest
from izwi.config.options.other_names import features_named, model_named
from izwi.config.root_folders import expand

# More types than these are not listed in a message.
FEW = 12
PAGES = {
    "FEATS": ("features.md", "feature types"),
    "MODEL": ("models.md", "models"),
}


def type_of(entries: Entries, section: str, text: Any, types: dict[str, str]) -> str | None:
    """A type as the registry spells it, or None after a problem."""
    if text is None:
        return None
    found = {name.lower(): name for name in types}.get(str(text).lower())
    if found is None and section == "FEATS" and (found := _meant(str(text).lower(), types)):
        entries.warnings.append(f"[FEATS] type: '{text}' is taken as {found}")
    if found is None:
        peer = table.PEER_FEATURES if section == "FEATS" else table.PEER_MODELS
        other = (features_named if section == "FEATS" else model_named)(str(text))
        known = not other and str(text).lower().startswith(peer)
        what = "is not built yet" if known else "is unknown"
        near = "" if known or other == "" else suggest(str(text), types)
        if other:
            near = f", use {other}"
        advice = near or f", {some(section, types, str(text))}"
        if not other and (family := _model_family(str(text).lower())):
            if section == "FEATS" and {f"{family}.model", "model"} & {*entries.components["FEATS"]}:
                # The model that is named stands for the name of the type.
                return family
            what = f"is no known variant of {family}"
            advice = suggest(str(text), types) or (
                f": set type = {family} and {family}.model = <its folder or name on the hub>"
            )
        entries.problem(section, "type", f"'{text}' {what}{advice}")
    return found


def some(section: str, types: Iterable[str], text: str = "") -> str:
    """All types for a message; of many, those that look like a text, and the page that has all."""
    names = [name for name in types if "-" not in name]
    if len(names) <= FEW:
        return one_of(names)
    page, what = PAGES[section]
    near = difflib.get_close_matches(text.lower(), names, 3, 0.55)
    like = f"the nearest are {', '.join(near)}; " if near else ""
    return f"{like}docs/{page} has all {len(names)} {what}"


def _meant(text: str, types: Iterable[str]) -> str | None:
    """The variant of a family that a shorter name means, such as ``hubert_xlarge``.

    Returns:
        the only one that begins so and was not finetuned, None if there are more
    """
    start = text.replace("_", "-")
    family, _, rest = start.partition("-")
    plain = [n for n in types if n.startswith(f"{family}-") and "-ft" not in n]
    found = [n for n in plain if n == start] or [n for n in plain if n.startswith(f"{start}-")]
    return found[0] if rest and len(found) == 1 else None


def _model_family(text: str) -> str | None:
    """The feature type that uses models like the one of this name."""
    options = table.elsewhere("FEATS")
    names = sorted(table.registry("features"), key=len, reverse=True)
    return next((n for n in names if text.startswith(n) and f"{n}.model" in options), None)


def own_values(
    entries: Entries, section: str, known: dict[str, dict[str, Option]]
) -> dict[str, dict[str, Any]]:
    """Options of extractors or a model; removes what they read from ``entries.components``."""
    values: dict[str, dict[str, Any]] = {}
    for kind, own in known.items():
        values[kind] = {o.name: _plain(o.default) for o in own.values() if o.status == "ok"}
    taken: dict[tuple[str, str], str] = {}
    for lower, value in list(entries.components[section].items()):
        head, _, rest = lower.partition(".")
        for kind, own in known.items():
            option = own.get(lower)
            if option is None and rest and kind.lower().startswith(head):
                option = own.get(rest)
            if option is None:
                continue
            entries.components[section].pop(lower, None)
            if option.status != "ok":
                entries.remark(option, lower, value)
                continue
            before = taken.setdefault((kind, option.name), lower)
            if before != lower:
                entries.problem(
                    section, lower, f"is the same option as {entries.spelt(before)}, keep one"
                )
                continue
            found = entries.convert(option, section, lower, value)
            if "path" in option.kind.split("|") and found is not None:
                found = _own_paths(entries, section, lower, found)
            elif option.kind == "model" and found is not None:
                found = _own_model(entries, section, lower, found, kind)
            values[kind][option.name] = _plain(found)
    return values


def _own_paths(entries: Entries, section: str, lower: str, found: Any) -> Any:
    """Absolute paths of files that an option names, one or several."""
    paths = []
    for text in found if isinstance(found, list) else [found]:
        path, tried = entries.locate(str(text))
        if path is None:
            entries.problem(section, lower, f"no such file: {' or '.join(tried)}")
        paths.append(path)
    return paths if isinstance(found, list) else paths[0]


def _own_model(entries: Entries, section: str, lower: str, text: str, kind: str) -> str:
    """Absolute path of a model's folder, or its name on the hub, which is a/b or a word.

    A folder that is not there, called as a model of the hub is, stands for that model.
    """
    try:
        text = expand(text)
    except KeyError as error:
        entries.problem(
            section, lower, f"the environment variable {error.args[0]} in it is not set"
        )
        return text
    path, tried = entries.locate(text)
    if path is not None and os.path.isdir(path):
        return path
    if text.startswith((".", "/", "~")) or text.count("/") > 1 or "\\" in text:
        if (hub := _on_hub(section, text, kind)) is not None:
            entries.warnings.append(
                f"[{section}] {entries.spelt(lower)}: no such folder: {tried[0]}; the model of "
                f"this name on the hub is taken, {hub}"
            )
            return hub
        entries.problem(section, lower, f"no such folder: {' or '.join(tried)}")
    return text


def _on_hub(section: str, path: str, kind: str) -> str | None:
    """Name on the hub of the model that a folder of an author is called after."""
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if section != "FEATS" or name not in table.registry("features"):
        return None
    own, named = (table.owner("features", one) for one in (kind, name))
    same = getattr(own, "family", "") == getattr(named, "family", None)
    return str(named.hub) if same else None


def unread(entries: Entries, section: str, kinds: list[str], situation: str) -> None:
    """Report options that no type in use reads, or that do not exist."""
    everywhere = table.elsewhere(section) if entries.components[section] else {}
    for lower, value in entries.components[section].items():
        head, _, rest = lower.partition(".")
        option = everywhere.get(lower)
        if option is None and any(kind.startswith(head) for kind in table.registry("features")):
            option = everywhere.get(rest)
        if option is None:
            entries.unknown(section, lower, everywhere)
        elif option.status != "ok" and (lower in WIDE[section] or not kinds):
            entries.remark(option, lower, value)
        elif kinds:
            entries.notes.append(f"[{section}] {entries.spelt(lower)}: no effect {situation}")


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return list(value) if isinstance(value, list | tuple) else value


def one_of(names: Iterable[str]) -> str:
    """Names for a message."""
    return f"one of {', '.join(sorted(names))}"
