"""The entries of an ini, sorted by the option that each one sets, and the problems in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from izwi.config import compatibility, optim
from izwi.config import options as table
from izwi.config.ini import Ini, Value
from izwi.config.options import PER_DATABASE, WIDE, Option, convert, is_off, suggest
from izwi.config.root_folders import read_roots
from izwi.data import soft_labels
from izwi.errors import Problems, UserError

# Endings of tables, and beginnings of values that are no paths.
_TABLES = (".csv", ".tsv")
_LITERALS = ("[", "{", "(")


class Entries:
    """The entries of an ini, and of root files, by option.

    Args:
        ini: its content
        file: its path
        cwd: working directory
        roots: root files; the first wins, also over the one that the ini names
        made: databases that other inis make, see `soft_labels.makers`

    Attributes:
        problems: errors, raised together at the end
        warnings: options that override others
        notes: options without effect
        general: (section, option) → spelling and value
        of_database: (database, option) → spelling and value
        paths: database → spelling and value
        components: options that models and extractors define themselves, by section
        names: databases
        extra_tests: databases that are tested on but not among ``databases``
        roots_broken: whether a root file could not be read
    """

    def __init__(
        self,
        ini: Ini,
        file: Path,
        cwd: Path,
        roots: Iterable[str] = (),
        made: Mapping[str, str] | None = None,
    ) -> None:
        self.ini = ini
        self.file = file
        self.folders = (os.path.dirname(file), os.fspath(cwd))
        self.cwd = cwd
        self.roots = list(roots)
        self.roots_broken = False
        self.made = made or {}
        self.extra_tests: list[str] = []
        # Columns of EXPL.<column>.bin_reals
        self.binned: list[str] = []
        self.problems = Problems()
        self.problems.lines += ini.problems
        self.warnings: list[str] = []
        self.notes: list[str] = []
        # Advice → section → options, so that options with the same advice share one line.
        self.inert: dict[str, dict[str, list[str]]] = {}
        self.unsupported: dict[str, dict[str, list[str]]] = {}
        # Where each option was given: (section, name), for databases (database, name)
        self.general: dict[tuple[str, str], tuple[str, Value]] = {}
        self.of_database: dict[tuple[str, str], tuple[str, Value]] = {}
        self.paths: dict[str, tuple[str, Value]] = {}
        self.components: dict[str, dict[str, Value]] = {"FEATS": {}, "MODEL": {}}
        self.names: list[str] = []
        self._collect()

    def _collect(self) -> None:
        """Sort all keys of the ini by their option; report those that set none."""
        if compatibility.wants(self.ini):
            self.notes += compatibility.apply(self.ini)
        for section, entries in self.ini.sections.items():
            if section not in WIDE:
                near = suggest(section, table.SECTIONS).replace("'", "[", 1).replace("'", "]", 1)
                self.problems.add(f"[{section}]: unknown section{near}")
            elif section != "DATA":
                for lower, value in entries.items():
                    self._collect_wide(section, lower, value)
        self._database_names()
        self._add_roots()
        if compatibility.wants(self.ini):
            self.notes += compatibility.split(self.ini, self.names)
        unlisted: set[str] = set()
        for lower, value in self.ini.sections.get("DATA", {}).items():
            self._collect_data(lower, value, unlisted)

    def _collect_wide(self, section: str, lower: str, value: Value) -> None:
        option = WIDE[section].get(lower)
        if option is None and section == "EXPL" and lower.endswith(".bin_reals"):
            if self.convert(WIDE[section]["bin_reals"], section, lower, value):
                self.binned.append(lower.removesuffix(".bin_reals"))
        elif section in self.components and (option is None or option.status != "ok"):
            self.components[section][lower] = value
        elif option is None:
            self.unknown(section, lower, WIDE[section])
        else:
            self._take(self.general, section, option, lower, value)

    def _database_names(self) -> None:
        entry = self.ini.sections.get("DATA", {}).get("databases")
        if entry is None:
            self.problems.add("[DATA] databases: missing, such as databases = ['emodb']")
            return
        option = WIDE["DATA"]["databases"]
        found = self.convert(option, "DATA", "databases", entry)
        names = [str(name).strip() for name in found or []]
        if found is not None and not names:
            self.problem("DATA", "databases", "is empty, name at least one")
        seen: set[str] = set()
        for name in names:
            if not name:
                self.problem("DATA", "databases", "a name is empty")
            elif "/" in name or "\\" in name:
                self.problem(
                    "DATA",
                    "databases",
                    f"'{name}' is a path: give a name here, and the path as <name> = {name}",
                )
            elif name.lower() in WIDE["DATA"] and not self._is_path(name.lower()):
                self.problem("DATA", "databases", f"'{name}' is an option's name: choose another")
            elif name.lower() in seen:
                self.problem("DATA", "databases", f"'{name}' is named twice")
            else:
                self.names.append(name)
            seen.add(name.lower())
        if "trains" not in self.ini.sections["DATA"]:
            self.extra_tests = self._extra_tests(seen)
            self.names += self.extra_tests

    def _is_path(self, lower: str) -> bool:
        """Whether the value of a key of ``[DATA]`` looks like the path of a database."""
        entry = self.ini.sections["DATA"].get(lower)
        text = entry.text.strip("'\" ") if entry else ""
        return not text.startswith(_LITERALS) and ("/" in text or text.endswith(_TABLES))

    def _extra_tests(self, seen: set[str]) -> list[str]:
        """Databases that are only tested on, and need not be in ``databases``."""
        entry = self.ini.sections["DATA"].get("tests")
        try:
            names = convert(WIDE["DATA"]["tests"], entry.text) if entry else None
        except ValueError:
            return []
        return [name for name in texts(names) or [] if name.lower() not in seen]

    def _add_roots(self) -> None:
        """Add the options of root files; options of the ini itself stay."""
        entries = self.ini.sections.get("DATA", {})
        if "root_folders" in entries:
            text = self.convert(
                WIDE["DATA"]["root_folders"], "DATA", "root_folders", entries["root_folders"]
            )
            path, tried = self.locate(text) if text else (None, [])
            if path is not None:
                self.roots.append(path)
            elif text and not self.roots:
                self.roots_broken = True
                self.problem("DATA", "root_folders", f"no such file: {' or '.join(tried)}")
        for path in self.roots:
            try:
                found = read_roots(path, self.names)
            except UserError as error:
                self.roots_broken = True
                self.problems.extend(error)
                continue
            for lower, value in found.sections["DATA"].items():
                entries.setdefault(lower, value)
                self.ini.spelling.setdefault(lower, found.spelling[lower])

    def _collect_data(self, lower: str, value: Value, unlisted: set[str]) -> None:
        if lower == "databases":
            return
        by_length = sorted(self.names, key=len, reverse=True)
        for name in by_length:
            if lower == name.lower():
                self.paths[name] = (lower, value)
                return
        for name in by_length:
            if lower.startswith(f"{name.lower()}."):
                rest = lower[len(name) + 1 :]
                option = PER_DATABASE.get(rest)
                if option is None and lower in WIDE["DATA"]:
                    # An option whose first word is a database's name, too.
                    self._take(self.general, "DATA", WIDE["DATA"][lower], lower, value)
                elif option is None:
                    near = suggest(rest, _ok_names(PER_DATABASE))
                    near = near.replace("'", f"'{name}.", 1)
                    self.problem("DATA", lower, f"unknown option{near}")
                else:
                    self._take(self.of_database, name, option, lower, value)
                return
        option = WIDE["DATA"].get(lower)
        if option is not None:
            self._take(self.general, "DATA", option, lower, value)
            return
        if not self.names:
            return
        head, _, rest = lower.partition(".")
        entries = self.ini.sections["DATA"]
        looks_like_path = "/" in value.text or value.text.endswith(_TABLES)
        if rest or looks_like_path or any(key.startswith(f"{lower}.") for key in entries):
            if head not in unlisted:
                unlisted.add(head)
                self._unlisted(lower, head)
            return
        self.unknown("DATA", lower, WIDE["DATA"], self.names)

    def _unlisted(self, lower: str, head: str) -> None:
        """Note the lines of a database that is not in use; report what may be a slip."""
        entries, spelt = self.ini.sections["DATA"], self.spelt(lower).partition(".")[0]
        described = any(key.startswith(f"{head}.") for key in entries)
        # A misspelt database has no path of its own, or takes that of the one that is meant.
        meant = [n for n in self.names if head not in entries or n.lower() not in entries]
        near = suggest(head, meant)
        if not near and not described:
            near = suggest(head, _ok_names(WIDE["DATA"]))
        if near:
            self.problem("DATA", lower, f"'{spelt}' is not in databases{near}")
        else:
            self.notes.append(f"[DATA] {spelt}: not in databases, so it is not used")

    def unknown(
        self, section: str, lower: str, known: dict[str, Option], names: Iterable[str] = ()
    ) -> None:
        """Report an unknown option, with the closest known one; warn of one in a wrong section."""
        if other := self._other_section(section, lower):
            self.warnings.append(
                f"[{section}] {self.spelt(lower)}: no effect in this section, it belongs in "
                f"[{other}]"
            )
            return
        there = _ok_names(known) or [option.name for option in known.values()]
        near = suggest(lower, [*there, *names])
        self.problem(section, lower, f"unknown option{near}")

    def _other_section(self, section: str, lower: str) -> str:
        """The section where an option belongs, empty if it is none."""
        for other in ("EXP", "DATA", "FEATS", "MODEL", "PLOT"):
            option = table.elsewhere(other).get(lower) if other != section else None
            if option is not None and option.status == "ok" and not option.database_only:
                return other
        return ""

    def _take(
        self,
        store: dict[tuple[str, str], tuple[str, Value]],
        owner: str,
        option: Option,
        lower: str,
        value: Value,
    ) -> None:
        """Store a value, or record that its option has no effect or is not supported."""
        if option.status != "ok":
            self.remark(option, lower, value)
            return
        before = store.get((owner, option.name))
        if before is not None and before[1].source != value.source:
            # Another spelling of an option that the ini, or an earlier root file, sets.
            return
        if before is not None:
            self.problem(
                option.section,
                lower,
                f"is the same option as {self.spelt(before[0])} (line {before[1].line}), "
                "keep one of them",
            )
            return
        store[owner, option.name] = (lower, value)

    def remark(self, option: Option, lower: str, value: Value) -> None:
        """Record that an option has no effect, or is not supported."""
        wanted = not is_off(value.text) and value.text.lower() != "all"
        if option.name == "with_os":
            # Other features do not read it.
            kind = self.ini.sections["FEATS"].get("type")
            wanted = wanted and kind is not None and "xbow" in kind.text
        if option.status == "unsupported" and wanted:
            store, advice = self.unsupported, option.advice
            if option.name == "tuning_params":
                advice = optim.in_place_of(self.ini.sections["MODEL"]) or advice
        else:
            # An unsupported option that is switched off needs no advice.
            store, advice = self.inert, option.advice if option.status == "inert" else ""
            if option.section == "OPTIM" and self._tune:
                advice = f"{option.advice}; on inner folds, [MODEL] {self._tune} does it"
        keys = store.setdefault(advice, {}).setdefault(option.section, [])
        keys.append(self.spelt(lower))

    @cached_property
    def _tune(self) -> str:
        """The search that ``[OPTIM]`` asks for, as lines of ``[MODEL]``."""
        return optim.as_tune(self.ini.sections)

    def spelt(self, lower: str) -> str:
        """An option as users write it."""
        return self.ini.spelling.get(lower, lower)

    def problem(self, section: str, lower: str, text: str) -> None:
        """Record what is wrong with an option."""
        value = self.ini.sections.get(section, {}).get(lower)
        where = f" (line {value.line} of {value.source})" if value and value.source else ""
        self.problems.add(f"[{section}] {self.spelt(lower)}: {text}{where}")

    def convert(self, option: Option, section: str, lower: str, value: Value) -> Any:
        """A value of the kind that its option has; its default behind a problem."""
        try:
            return convert(option, value.text)
        except ValueError as error:
            several = option.name == "target" and value.text.startswith(("[", "(", "{"))
            self.problem(section, lower, several_targets(value.text) if several else str(error))
            return option.default

    def get(self, section: str, name: str) -> Any:
        """Value of a general option, or its default if the ini does not set it."""
        option = WIDE[section][name.lower()]
        if (section, name) not in self.general:
            return option.default
        lower, value = self.general[section, name]
        return self.convert(option, section, lower, value)

    def get_of(
        self, database: str, name: str, normalise: Callable[[Any], Any] | None = None
    ) -> Any:
        """Value of a database's option: its own, else the one for all, else the default."""
        option = PER_DATABASE[name]
        entry = self.of_database.get((database, name))
        general = None if option.database_only else self.general.get(("DATA", name))
        if entry is None or (
            # The ini's options for all databases also win over a root file; filters add up.
            general and name != "filter" and entry[1].source and not general[1].source
        ):
            entry = general
        if entry is None:
            return option.default
        value = self.convert(option, "DATA", *entry)
        if normalise is None or value is None:
            return value
        try:
            return normalise(value)
        except ValueError as error:
            self.problem("DATA", entry[0], str(error))
            return option.default

    def required(self, section: str, name: str, advice: str) -> Any:
        """Value of a general option that the ini must state."""
        if (section, name) not in self.general:
            self.problems.add(f"[{section}] {name}: missing, {advice}")
        return self.get(section, name)

    def locate(self, text: str, source: str = "") -> tuple[str | None, list[str]]:
        """Absolute path, looked up beside its root file, the ini, then in the working directory."""
        text = os.path.expanduser(text)
        bases = [*([os.path.dirname(source)] if source else []), *self.folders]
        tried = list(dict.fromkeys(os.path.abspath(os.path.join(b, text)) for b in bases))
        for path in tried:
            if self.made and soft_labels.place(path) in self.made:
                return soft_labels.place(path), tried
            if os.path.exists(path):
                return path, tried
        if "\\" in text and os.sep == "/":
            # Written on Windows, read here.
            found, _ = self.locate(text.replace("\\", "/"), source)
            return found, tried
        return None, tried

    def overridden(self, what: str, winner: str) -> None:
        """Record that an option has no effect because another one is set."""
        self.warnings.append(f"{what}: overridden by {winner}")

    def settle(self) -> None:
        """Raise all problems together; options without effect that share advice share one note.

        Raises:
            UserError: with all problems
        """
        for advice, sections in self.unsupported.items():
            for section, keys in sections.items():
                self.problems.add(f"[{section}] {', '.join(keys)}: not supported, {advice}")
        self.problems.raise_if_any()
        for advice, sections in self.inert.items():
            ordered = sorted(sections.items(), key=lambda item: table.SECTIONS.index(item[0]))
            where = "; ".join(f"[{name}] {', '.join(keys)}" for name, keys in ordered)
            self.notes.append(f"{where}: no effect here{advice and f', {advice}'}")

    def listed(self, key: str, names: list[str] | None) -> list[str] | None:
        """Names of databases as ``databases`` spells them."""
        if names is None:
            return None
        spelling = {name.lower(): name for name in self.names}
        for name in names:
            if name.lower() not in spelling:
                near = suggest(name, self.names) or ", add it there"
                self.problem("DATA", key, f"'{name}' is not in databases{near}")
        return [spelling.get(name.lower(), name) for name in names]


def _ok_names(known: dict[str, Option]) -> list[str]:
    """Canonical names of options that have an effect."""
    return [option.name for option in known.values() if option.status == "ok"]


def several_targets(text: str) -> str:
    """What to do about a target that is a list of columns."""
    names = [name.strip(" '\"") for name in text.strip("[](){}").split(",") if name.strip()]
    return (
        "an experiment has one target: write an ini for each, or in the config "
        f"grid: {{DATA.target: [{', '.join(names)}]}}"
    )


def texts(values: Iterable[Any] | None) -> list[str] | None:
    """Values as text, None as it is."""
    return None if values is None else [str(value) for value in values]
