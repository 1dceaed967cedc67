"""From an ini to an experiment: every option resolved, with its default, and checked."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from izwi import learning, pictures, softlabel, tuning
from izwi import options as table
from izwi.analyses import SHAP_MODELS
from izwi.balancing import NEED_NUMBERS
from izwi.errors import Problems, UserError
from izwi.ini import Ini, Value, read_ini
from izwi.options import PER_DATABASE, WIDE, Option, convert, is_off, suggest
from izwi.roots import absent, expand, read_roots

# What each split strategy reads; other options of the split then change no key.
_SIZES = ("test_size", "dev_size")
_READS: dict[str, tuple[str, ...]] = {
    "": _SIZES,
    "speaker_split": _SIZES,
    "random": (*_SIZES, "stratify"),
    "balanced": (*_SIZES, "balance", "age_bins", "stratify", "size_diff_weight"),
    "speakers_stated": ("train", "dev", "test"),
}
_SPLIT_OPTIONS = (
    "test_size",
    "dev_size",
    "train",
    "dev",
    "test",
    "balance",
    "age_bins",
    "stratify",
    "size_diff_weight",
)
_LOAD_OPTIONS = (
    "audio_path",
    "target_tables",
    "target_tables_append",
    "files_tables",
    "train_tables",
    "dev_tables",
    "test_tables",
    "columns",
    "colnames",
    "label",
    "filter",
    "required",
    "limit_samples",
    "limit_samples_per_speaker",
    "min_duration_of_sample",
    "max_duration_of_sample",
    "rename_speakers",
    "unlabelled",
    "mapping",
    "version",
    "min_confidence",
    "max_uncertainty",
)
_DEV_SIZE = 20.0
# Bytes of an experiment's name, which is that of a folder and of files.
LONGEST_NAME = 200
_COUNTERPART = {"xgr": "xgb", "svr": "svm", "xgb": "xgr", "svm": "svr"}


@dataclass(frozen=True)
class Experiment:
    """A resolved ini.

    Args:
        ini: its path as given
        name: name of the experiment
        task: ``classification`` or ``regression``
        seed: of every random choice
        runs: number of trainings
        epochs: most epochs of a net, None for the model's default
        traindevtest: whether a dev set is cut
        target: column that is predicted
        labels: classes, None where the data decide
        save: keep trained models
        save_test: where the predictions become a database, None where they do not
        soft: ``min_confidence`` and ``max_uncertainty`` of these labels
        databases: per database ``name``, ``type`` (``soft`` where another ini makes it), ``path``
            (absolute; name and None for audb and demo), ``options`` (of loading), and
            ``unlabelled`` where all of it is predicted and it need not have the target
        load: what all databases share when loaded
        split: spec of the split stage
        features: per feature set ``type`` and ``options``
        fail_threshold: share of a database's rows whose audio may be unusable
        preprocessing: ``scale`` and ``features``
        model: ``type`` and ``options``
        learning: how is learned beyond a single fit, see `izwi.learning`
        analyses: what is found out beside the figures, see `izwi.learning`
        evaluation: ``measure``, ``ci``, and for a confusion matrix of a regression ``bins`` and
            their ``bin_labels``
        leakage: what becomes of what the audit finds: ``error``, ``warn`` or ``ignore``
        plots: wanted plots and their formats, see ``pictures.read_options``
        setting: what a grid varies: option → text of its value
        grids: tables of results that it is a row of
        control: kind of control that it is, see `tables.controls`, None for what an ini describes
        warnings: what overrides what, one line each
        notes: what has no effect, one line each
    """

    ini: str
    name: str
    task: str
    seed: int
    runs: int
    epochs: int | None
    traindevtest: bool
    target: str
    labels: list[str] | None
    save: bool
    save_test: str | None
    soft: dict[str, float | None]
    databases: tuple[dict[str, Any], ...]
    load: dict[str, Any]
    split: dict[str, Any]
    features: tuple[dict[str, Any], ...]
    fail_threshold: float
    preprocessing: dict[str, Any]
    model: dict[str, Any]
    learning: dict[str, Any]
    analyses: dict[str, Any]
    evaluation: dict[str, Any]
    leakage: str
    plots: dict[str, Any]
    setting: dict[str, str | None] = field(default_factory=dict)
    grids: tuple[str, ...] = ()
    control: str | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; values are shared, not copied."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def resolve(
    path: str | Path,
    *,
    cwd: str | Path,
    overrides: Mapping[str, str] | None = None,
    roots: Iterable[str] = (),
    made: Mapping[str, str] | None = None,
) -> Experiment:
    """Read an ini, resolve and check all its options.

    Args:
        path: the ini, relative to ``cwd``
        cwd: working directory
        overrides: values that replace or add to the ini's, such as ``{"MODEL.type": "svm"}``
        roots: root files of this computer; the first wins, and over the one that the ini names
        made: databases that other inis make, see `softlabel.makers`

    Returns:
        the experiment

    Raises:
        UserError: with all problems, one line each, behind the ini's path as given
    """
    try:
        ini = read_ini(Path(cwd) / os.path.expanduser(path))
    except UserError as error:
        raise UserError([f"{path}: {line}" for line in error.problems]) from None
    return resolve_read(ini, path, cwd=cwd, overrides=overrides, roots=roots, made=made)


def resolve_read(
    ini: Ini,
    path: str | Path,
    *,
    cwd: str | Path,
    overrides: Mapping[str, str | None] | None = None,
    roots: Iterable[str] = (),
    made: Mapping[str, str] | None = None,
) -> Experiment:
    """Resolve an ini that is read already; it stays as it is.

    Args:
        ini: its content
        path: the ini, relative to ``cwd``
        cwd: working directory
        overrides: as for `resolve`; None takes an option out of the ini
        roots: as for `resolve`
        made: as for `resolve`

    Returns:
        the experiment

    Raises:
        UserError: with all problems, one line each, behind the ini's path as given
    """
    own = Ini(
        {section: dict(entries) for section, entries in ini.sections.items()},
        dict(ini.lines),
        dict(ini.spelling),
        list(ini.problems),
    )
    for key, text in (overrides or {}).items():
        _override(own, key, text)
    file = Path(cwd) / os.path.expanduser(path)
    try:
        return _Resolver(own, file, Path(cwd), roots, made).experiment(str(path))
    except UserError as error:
        raise UserError([f"{path}: {line}" for line in error.problems]) from None


def _override(ini: Ini, key: str, text: str | None) -> None:
    """Replace an option, however the ini spells it."""
    section, _, name = key.partition(".")
    entries = ini.sections.setdefault(section.upper(), {})
    lower = name.lower()
    known = table.elsewhere(section.upper()) if section.upper() in WIDE else {}
    head, _, rest = lower.partition(".")
    if section.upper() == "DATA" and rest in PER_DATABASE:
        option, before = PER_DATABASE[rest], f"{head}."
    else:
        option, before = known.get(lower), ""
    for spelling in (option.name, *option.aliases) if option else (lower,):
        entries.pop(f"{before}{spelling.lower()}", None)
    if text is not None:
        entries[lower] = Value(text, 0)
        ini.spelling.setdefault(lower, name)


class _Resolver:
    """One ini on its way to an experiment."""

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
        self.problems = Problems()
        self.problems.lines += ini.problems
        self.warnings: list[str] = []
        self.notes: list[str] = []
        # Advice → section → options: what the same is said of is said once.
        self.inert: dict[str, dict[str, list[str]]] = {}
        self.unsupported: dict[str, dict[str, list[str]]] = {}
        # Where each option was given: (section, name), for databases (database, name)
        self.given: dict[tuple[str, str], tuple[str, Value]] = {}
        self.of_database: dict[tuple[str, str], tuple[str, Value]] = {}
        self.paths: dict[str, tuple[str, Value]] = {}
        self.own: dict[str, dict[str, Value]] = {"FEATS": {}, "MODEL": {}}
        self.names: list[str] = []
        # Labels and limits by which a regression is shown as a classification, too.
        self.binned: dict[str, Any] = {}
        self.tuned: dict[str, Any] = {}

    def experiment(self, ini: str) -> Experiment:
        """Resolve it all, then tell all problems together."""
        self._collect()
        task, model = self._model()
        features = self._features(model)
        self._check_reads(model["type"], features)
        target = self._required("DATA", "target", "name the column to predict")
        labels, load = self._load(task, target)
        databases = tuple(self._database(name) for name in self.names)
        limited = any(
            d["options"]["limit_samples"] or d["options"]["limit_samples_per_speaker"]
            for d in databases
        )
        seed = self._seed()
        load["seed"] = seed if limited else None
        learned = learning.resolve(self._get, self._problem, task=task, seed=seed) | self.tuned
        scale, chosen = self._get("FEATS", "scale"), _texts(self._get("FEATS", "features"))
        if model.get("brings"):
            scale, chosen = self._recordings(model["type"], learned)
        split = self._split(task, target, labels, seed, databases)
        if "submodel" in learned:
            split["submodel"] = learned["submodel"]
        if "calibrate" in learned and not model.get("measured"):
            self._needs_dev(split, databases)
        analyses = learning.analyses(self._get, self._problem, task=task, learned=learned)
        if "shap" in analyses and model["type"] not in SHAP_MODELS:
            del analyses["shap"]
            self.notes.append(
                f"[EXPL] shap: no effect with MODEL.type = {model['type']}, exact values can be "
                f"had of {', '.join(SHAP_MODELS)} alone; set EXPL.permutation"
            )
        active = "active_learning" in analyses
        learning.allow_unlabelled(
            databases,
            split,
            self._problem,
            wanted=active or "self_training" in learned,
            active=active,
        )
        save_test = self._save_test()
        if save_test is not None:
            for database in databases:
                if _is_test(split, database["name"]):
                    database["unlabelled"] = True
        measure = self._measure(task)
        if model.get("measured"):
            model["options"]["measure"] = measure
        experiment = {
            "name": self._name(),
            "task": task,
            "seed": seed,
            "runs": self._get("EXP", "runs"),
            "epochs": self._get("EXP", "epochs"),
            "traindevtest": self._get("EXP", "traindevtest"),
            "target": target,
            "labels": labels,
            "save": self._get("MODEL", "save"),
            "save_test": save_test,
            "soft": {key: self._get("EXP", key) for key in ("min_confidence", "max_uncertainty")},
            "databases": databases,
            "load": load,
            "split": split,
            "features": features,
            "fail_threshold": self._get("FEATS", "fail_threshold"),
            "preprocessing": {
                "scale": None if scale == "none" else scale,
                "features": chosen,
            },
            "model": {"type": model["type"], "options": model["options"]},
            "learning": learned,
            "analyses": analyses,
            "evaluation": {
                "measure": measure,
                "ci": self._get("EXP", "ci"),
                **self.binned,
                **self._threshold(task),
            },
            "leakage": self._get("DATA", "leakage"),
            "plots": self._plots(bool(model.get("measured"))),
        }
        for advice, sections in self.unsupported.items():
            for section, keys in sections.items():
                self.problems.add(f"[{section}] {', '.join(keys)}: not supported, {advice}")
        self.problems.raise_if_any()
        for advice, sections in self.inert.items():
            ordered = sorted(sections.items(), key=lambda item: table.SECTIONS.index(item[0]))
            where = "; ".join(f"[{name}] {', '.join(keys)}" for name, keys in ordered)
            self.notes.append(f"{where}: no effect here{advice and f', {advice}'}")
        return Experiment(
            ini=ini, **experiment, warnings=tuple(self.warnings), notes=tuple(self.notes)
        )

    # ------------------------------------------------------------------ keys

    def _collect(self) -> None:
        """Sort all keys of the ini to what they mean; tell those that mean nothing."""
        for section, entries in self.ini.sections.items():
            if section not in WIDE:
                near = suggest(section, table.SECTIONS).replace("'", "[", 1).replace("'", "]", 1)
                self.problems.add(f"[{section}]: unknown section{near}")
            elif section != "DATA":
                for lower, value in entries.items():
                    self._collect_wide(section, lower, value)
        self._database_names()
        self._add_roots()
        unlisted: set[str] = set()
        for lower, value in self.ini.sections.get("DATA", {}).items():
            self._collect_data(lower, value, unlisted)

    def _collect_wide(self, section: str, lower: str, value: Value) -> None:
        option = WIDE[section].get(lower)
        if option is None and section == "EXPL" and lower.endswith(".bin_reals"):
            option = WIDE[section]["bin_reals"]
        if section in self.own and (option is None or option.status != "ok"):
            self.own[section][lower] = value
        elif option is None:
            self._unknown(section, lower, WIDE[section])
        else:
            self._take(self.given, section, option, lower, value)

    def _database_names(self) -> None:
        entry = self.ini.sections.get("DATA", {}).get("databases")
        if entry is None:
            self.problems.add("[DATA] databases: missing, such as databases = ['emodb']")
            return
        option = WIDE["DATA"]["databases"]
        found = self._convert(option, "DATA", "databases", entry)
        names = [str(name).strip() for name in found or []]
        if found is not None and not names:
            self._problem("DATA", "databases", "is empty, name at least one")
        seen: set[str] = set()
        for name in names:
            if not name:
                self._problem("DATA", "databases", "a name is empty")
            elif "/" in name or "\\" in name:
                self._problem(
                    "DATA",
                    "databases",
                    f"'{name}' is a path: give a name here, and the path as <name> = {name}",
                )
            elif name.lower() in WIDE["DATA"]:
                self._problem("DATA", "databases", f"'{name}' is an option's name: choose another")
            elif name.lower() in seen:
                self._problem("DATA", "databases", f"'{name}' is named twice")
            else:
                self.names.append(name)
            seen.add(name.lower())
        if "trains" not in self.ini.sections["DATA"]:
            self.extra_tests = self._extra_tests(seen)
            self.names += self.extra_tests

    def _extra_tests(self, seen: set[str]) -> list[str]:
        """Databases that are tested on alone, and need not be in ``databases``."""
        entry = self.ini.sections["DATA"].get("tests")
        try:
            names = convert(WIDE["DATA"]["tests"], entry.text) if entry else None
        except ValueError:
            return []
        return [name for name in _texts(names) or [] if name.lower() not in seen]

    def _add_roots(self) -> None:
        """Add what root files say of the databases; what the ini says itself stays."""
        entries = self.ini.sections.get("DATA", {})
        if "root_folders" in entries:
            text = self._convert(
                WIDE["DATA"]["root_folders"], "DATA", "root_folders", entries["root_folders"]
            )
            path, tried = self._locate(text) if text else (None, [])
            if path is not None:
                self.roots.append(path)
            elif text and not self.roots:
                self.roots_broken = True
                self._problem("DATA", "root_folders", f"no such file: {' or '.join(tried)}")
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
                if option is None:
                    near = suggest(rest, _ok_names(PER_DATABASE))
                    near = near.replace("'", f"'{name}.", 1)
                    self._problem("DATA", lower, f"unknown option{near}")
                else:
                    self._take(self.of_database, name, option, lower, value)
                return
        option = WIDE["DATA"].get(lower)
        if option is not None:
            self._take(self.given, "DATA", option, lower, value)
            return
        if not self.names:
            return
        head, _, rest = lower.partition(".")
        entries = self.ini.sections["DATA"]
        looks_like_path = "/" in value.text or value.text.endswith(".csv")
        if rest or looks_like_path or any(key.startswith(f"{lower}.") for key in entries):
            if head not in unlisted:
                unlisted.add(head)
                near = suggest(head, self.names) or ", add it there or leave its lines out"
                spelt = self._spelt(lower).partition(".")[0]
                self._problem("DATA", lower, f"'{spelt}' is not in databases{near}")
            return
        self._unknown("DATA", lower, WIDE["DATA"], self.names)

    def _unknown(
        self, section: str, lower: str, known: dict[str, Option], names: Iterable[str] = ()
    ) -> None:
        """Tell of an option that nobody knows, and what was meant perhaps."""
        near = self._other_section(section, lower)
        near = near or suggest(lower, [*_ok_names(known), *names])
        self._problem(section, lower, f"unknown option{near}")

    def _other_section(self, section: str, lower: str) -> str:
        """Hint to the section where the option belongs."""
        for other in ("EXP", "DATA", "FEATS", "MODEL", "PLOT"):
            option = table.elsewhere(other).get(lower) if other != section else None
            if option is not None and option.status == "ok" and not option.database_only:
                return f", it belongs into [{other}]"
        return ""

    def _take(
        self,
        store: dict[tuple[str, str], tuple[str, Value]],
        owner: str,
        option: Option,
        lower: str,
        value: Value,
    ) -> None:
        """Keep a given value, or remark on an option without effect or support."""
        if option.status != "ok":
            self._remark(option, lower, value)
            return
        before = store.get((owner, option.name))
        if before is not None and before[1].source != value.source:
            # Another spelling of what the ini, or the root file before, says itself.
            return
        if before is not None:
            self._problem(
                option.section,
                lower,
                f"is the same option as {self._spelt(before[0])} (line {before[1].line}), "
                "keep one of them",
            )
            return
        store[owner, option.name] = (lower, value)

    def _remark(self, option: Option, lower: str, value: Value) -> None:
        wanted = not is_off(value.text) and value.text.lower() != "all"
        if option.status == "unsupported" and wanted:
            store, advice = self.unsupported, option.advice
        else:
            # An unsupported option that is switched off needs no advice.
            store, advice = self.inert, option.advice if option.status == "inert" else ""
        keys = store.setdefault(advice, {}).setdefault(option.section, [])
        keys.append(self._spelt(lower))

    # ---------------------------------------------------------------- values

    def _spelt(self, lower: str) -> str:
        return self.ini.spelling.get(lower, lower)

    def _problem(self, section: str, lower: str, text: str) -> None:
        value = self.ini.sections.get(section, {}).get(lower)
        where = f" (line {value.line} of {value.source})" if value and value.source else ""
        self.problems.add(f"[{section}] {self._spelt(lower)}: {text}{where}")

    def _convert(self, option: Option, section: str, lower: str, value: Value) -> Any:
        try:
            return convert(option, value.text)
        except ValueError as error:
            self._problem(section, lower, str(error))
            return option.default

    def _get(self, section: str, name: str) -> Any:
        """Value of a general option, its default where the ini is silent."""
        option = WIDE[section][name.lower()]
        if (section, name) not in self.given:
            return option.default
        lower, value = self.given[section, name]
        return self._convert(option, section, lower, value)

    def _get_of(
        self, database: str, name: str, normalise: Callable[[Any], Any] | None = None
    ) -> Any:
        """Value of a database's option: its own, else the one for all, else the default."""
        option = PER_DATABASE[name]
        entry = self.of_database.get((database, name))
        general = None if option.database_only else self.given.get(("DATA", name))
        if entry is None or (
            # What the ini says of all databases wins over a root file, too; filters add up.
            general and name != "filter" and entry[1].source and not general[1].source
        ):
            entry = general
        if entry is None:
            return option.default
        value = self._convert(option, "DATA", *entry)
        if normalise is None or value is None:
            return value
        try:
            return normalise(value)
        except ValueError as error:
            self._problem("DATA", entry[0], str(error))
            return option.default

    def _required(self, section: str, name: str, advice: str) -> Any:
        if (section, name) not in self.given:
            self.problems.add(f"[{section}] {name}: missing, {advice}")
        return self._get(section, name)

    def _name(self) -> str:
        name = self._get("EXP", "name") or self.file.stem
        if "/" in name or "\\" in name or name in (".", ".."):
            last = name.replace("\\", "/").rstrip("/.").rpartition("/")[2]
            if not last:
                self._problem("EXP", "name", f"'{name}' is no name, such as my_name")
                return name
            # Published inis write a folder here; results lie under the last part of it.
            self.notes.append(f"[EXP] name: '{name}' is a path, the experiment is called '{last}'")
            name = last
        if why := _no_folder(name):
            self._problem("EXP", "name", f"'{name}' {why}: take letters, digits, spaces, - and _")
        return name

    def _save_test(self) -> str | None:
        """Where the predictions become a database; only a link there is ever replaced."""
        text = self._get("EXP", "save_test")
        if text is None:
            for key in ("min_confidence", "max_uncertainty"):
                if ("EXP", key) in self.given:
                    self.notes.append(f"[EXP] {key}: no effect without save_test")
            return None
        path = softlabel.place_of(text, self.cwd)
        if not text.lower().endswith(".csv"):
            self._problem("EXP", "save_test", f"'{text}' is no CSV file, such as {text}.csv")
        elif os.path.exists(path) and not os.path.islink(path):
            self._problem(
                "EXP",
                "save_test",
                f"{path} is there already and would be replaced: move it away, or name another",
            )
        elif why := _no_folder(path.rpartition("/")[2]) or ("{" in path and "holds '{'"):
            self._problem("EXP", "save_test", f"{path} {why}: name another file")
        return path

    def _seed(self) -> int:
        seed, other = self._get("EXP", "seed"), self._get("MODEL", "random_state")
        if ("MODEL", "random_state") in self.given:
            lower = self.given["MODEL", "random_state"][0]
            if ("EXP", "seed") in self.given and other not in (None, seed):
                self._problem("MODEL", lower, f"is {other}, but EXP.seed is {seed}: keep one")
            elif other is not None:
                self.notes.append(f"[MODEL] {self._spelt(lower)}: taken as EXP.seed = {other}")
                return other
        return seed

    # ---------------------------------------------------------------- model

    def _model(self) -> tuple[str, dict[str, Any]]:
        """Task and model, with the options that the model reads."""
        wanted = self._get("EXP", "type")
        types = table.registry("models")
        kind = self._type_of("MODEL", self._required("MODEL", "type", _one_of(types)), types)
        if kind is None:
            self._unread("MODEL", [], "")
            return wanted or "classification", {"type": None, "options": {}}
        cls: Any = table.owner("models", kind)
        if wanted and wanted != cls.task:
            other = _COUNTERPART.get(kind) or (
                kind.removesuffix("_reg") if kind.endswith("_reg") else f"{kind}_reg"
            )
            use = f": use {other}" if other in types else ""
            self._problem(
                "EXP", "type", f"is {wanted}, but MODEL.type = {kind} is a model of {cls.task}{use}"
            )
        own = table.own_options("models", kind)
        values = self._own_values("MODEL", {kind: own})[kind]
        self._unread("MODEL", [kind], f"with MODEL.type = {kind}")
        weight = self._get("MODEL", "class_weight")
        if cls.handles_class_weight or weight:
            values["class_weight"] = bool(weight)
        epochs = self._get("EXP", "epochs")
        if ("EXP", "epochs") in self.given and epochs is not None:
            if cls.needs_dev or "epochs" in own:
                values["epochs"] = epochs
            else:
                self.notes.append(f"[EXP] epochs: no effect with MODEL.type = {kind}")
        for line in cls.check(values):
            self.problems.add(line)
        self._tune(kind, cls, own, values)
        absent = cls.absent()
        if absent:
            self.problems.add(absent)
        return cls.task, {
            "type": kind,
            "options": values,
            "measured": cls.needs_dev,
            "brings": cls.brings(values),
        }

    def _threshold(self, task: str) -> dict[str, float]:
        """Uncertainty from which on predictions are left out of figures beside the others."""
        threshold = self._get("PLOT", "uncertainty_threshold")
        if threshold is not None and task == "regression":
            self.notes.append("[PLOT] uncertainty_threshold: no effect in regression")
            return {}
        return {} if threshold is None else {"uncertainty_threshold": threshold}

    def _tune(self, kind: str, cls: Any, own: dict[str, Option], values: dict[str, Any]) -> None:
        """Values of options that the training rows choose from."""
        wanted = self._get("MODEL", "tune")
        if wanted is None:
            return
        found = tuning.read(
            wanted, cls, own, values, lambda text: self._problem("MODEL", "tune", text)
        )
        self.tuned = {"tune": {"values": found, "folds": self._get("MODEL", "tune.folds")}}
        for lower in self.ini.sections.get("MODEL", {}):
            option = own.get(lower)
            if lower == "class_weight" or option is not None:
                name = option.name if option else lower
                if name in found:
                    self._overridden(f"[MODEL] {self._spelt(lower)}", "MODEL.tune")

    def _needs_dev(self, split: dict[str, Any], databases: tuple[dict[str, Any], ...]) -> None:
        """Tell where probabilities are to be calibrated and there can be no dev set."""
        if split["traindevtest"]:
            return
        own = split["databases"].values()
        if not (split["logo"] or split["k_fold_cross"]) and (
            any(s["dev_size"] or s["dev"] or s["split_strategy"] == "dev" for s in own)
            # Tables of these may name one.
            or any(database["type"] in ("audformat", "audb") for database in databases)
        ):
            return
        self._problem(
            "MODEL",
            "calibrate",
            "temperature is fitted on a dev set, and there is none: set EXP.traindevtest = True",
        )

    def _check_reads(self, kind: str | None, features: tuple[dict[str, Any], ...]) -> None:
        """Refuse features that the model cannot take."""
        reads = table.owner("models", kind).reads if kind else ()
        names = [feature_set["type"] for feature_set in features]
        given = []
        for name, feature_set in zip(names, features, strict=True):
            extractor = table.owner("features", name)
            if kind and name not in reads and not extractor.is_vector:
                self._problem("FEATS", "type", f"{name} is no vector, {kind} cannot read it")
                return
            given.append(extractor.form(feature_set["options"]))
        if reads and not set(given) <= set(reads):
            self._problem(
                "MODEL",
                "type",
                f"{kind} reads {' or '.join(reads)} alone, but FEATS.type is {', '.join(names)}",
            )
        elif reads and len(given) > 1:
            self._problem("MODEL", "type", f"{kind} reads one kind of features, not {len(given)}")

    def _measure(self, task: str) -> str:
        measure = self._get("MODEL", "measure")
        allowed = table.MEASURES[task]
        if measure is None:
            return allowed[0]
        if measure not in allowed:
            self._problem(
                "MODEL", "measure", f"'{measure}' is no measure of {task}, {_one_of(allowed)}"
            )
        return measure

    def _type_of(self, section: str, text: Any, types: dict[str, str]) -> str | None:
        """A type as the registry spells it, or None behind a problem."""
        if text is None:
            return None
        found = {name.lower(): name for name in types}.get(str(text).lower())
        if found is None:
            peer = table.PEER_FEATURES if section == "FEATS" else table.PEER_MODELS
            known = str(text).lower().startswith(peer)
            what = "is not built yet" if known else "is unknown"
            near = "" if known else suggest(str(text), types)
            shown = _one_of(name for name in types if "-" not in name)
            advice = near or f", {shown}"
            if family := self._model_family(str(text).lower()):
                what = f"is no known variant of {family}"
                advice = suggest(str(text), types) or (
                    f": set type = {family} and {family}.model = <its folder or name on the hub>"
                )
            self._problem(section, "type", f"'{text}' {what}{advice}")
        return found

    @staticmethod
    def _model_family(text: str) -> str | None:
        """The feature type that takes models like the one of this name."""
        options = table.elsewhere("FEATS")
        names = sorted(table.registry("features"), key=len, reverse=True)
        return next((n for n in names if text.startswith(n) and f"{n}.model" in options), None)

    # ------------------------------------------------------------- features

    def _recordings(self, kind: str, learned: dict[str, Any]) -> tuple[None, None]:
        """What is asked for and needs vectors: without effect on recordings, or a problem.

        Args:
            kind: of the model
            learned: as `learning.resolve` returns it

        Returns:
            scaler and chosen features: none
        """
        for key in ("scale", "features"):
            if self._get("FEATS", key) not in (None, "none", []):
                self.notes.append(f"[FEATS] {key}: no effect with MODEL.type = {kind}")
        balancing = learned.get("balancing")
        if balancing in NEED_NUMBERS:
            self._problem(
                "FEATS",
                "balancing",
                f"{balancing} computes with features, {kind} learns from recordings: use ros or "
                "MODEL.class_weight",
            )
        wanted = [("EXPL", "clusters"), ("MODEL", "active_learning")]
        wanted += [("EXPL", name) for name in ("permutation", "feature_distributions")]
        for section, key in [*wanted, *(("PLOT", name) for name in pictures.MAPS)]:
            if self._get(section, key):
                self._problem(section, key, f"needs features, {kind} learns from recordings")
        return None, None

    def _features(self, model: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Feature sets, each with the options that it reads."""
        if model.get("brings") and self._get("FEATS", "type") in (None, []):
            sets = tuple(model["brings"])
            kinds = [feature_set["type"] for feature_set in sets]
            self._unread("FEATS", kinds, f"with MODEL.type = {model['type']}")
            names = ", ".join(kinds)
            self.notes.append(f"[FEATS] type: MODEL.type = {model['type']} brings its own, {names}")
            return sets
        types = table.registry("features")
        # Variants of a model are many: the families stand for them.
        families = [name for name in types if "-" not in name]
        wanted = self._required("FEATS", "type", _one_of(families))
        if wanted == []:
            self._problem("FEATS", "type", f"is empty, {_one_of(families)}")
        found = [self._type_of("FEATS", text, types) for text in wanted or []]
        kinds = [kind for kind in found if kind is not None]
        for kind in sorted({kind for kind in kinds if kinds.count(kind) > 1}):
            self._problem("FEATS", "type", f"'{kind}' is named twice")
        owned = {kind: table.own_options("features", kind) for kind in dict.fromkeys(kinds)}
        values = self._own_values("FEATS", owned)
        complete = kinds and None not in found
        self._unread("FEATS", kinds if complete else [], f"with FEATS.type = {', '.join(kinds)}")
        if "metadata" in values:
            self._take_target_from(values["metadata"])
        for kind, own in values.items():
            for name in table.owner("features", kind).idle(own):
                # Another value of what nothing reads would be another key.
                if own.pop(name) != owned[kind][name].default:
                    self.notes.append(f"[FEATS] {name}: no effect with these options of {kind}")
        brought = {s["type"]: s["options"] for s in model.get("brings") or []}
        return tuple({"type": kind, "options": brought.get(kind, values[kind])} for kind in owned)

    def _take_target_from(self, metadata: dict[str, Any]) -> None:
        """What is predicted is no feature, by whichever of its names."""
        target = self._get("DATA", "target")
        same = {"gender", "sex"} if target in ("gender", "sex") else {target}
        columns = metadata["metadata.columns"] or []
        metadata["metadata.columns"] = [str(name) for name in columns if str(name) not in same]
        if len(metadata["metadata.columns"]) < len(columns):
            self.notes.append(f"[FEATS] metadata.columns: without {target}, which is the target")

    def _own_values(
        self, section: str, owned: dict[str, dict[str, Option]]
    ) -> dict[str, dict[str, Any]]:
        """Options of extractors or of a model; takes what it reads out of ``self.own``."""
        values: dict[str, dict[str, Any]] = {}
        for kind, own in owned.items():
            values[kind] = {o.name: _plain(o.default) for o in own.values() if o.status == "ok"}
        taken: dict[tuple[str, str], str] = {}
        for lower, value in list(self.own[section].items()):
            head, _, rest = lower.partition(".")
            for kind, own in owned.items():
                option = own.get(lower)
                if option is None and rest and kind.lower().startswith(head):
                    option = own.get(rest)
                if option is None:
                    continue
                self.own[section].pop(lower, None)
                if option.status != "ok":
                    self._remark(option, lower, value)
                    continue
                before = taken.setdefault((kind, option.name), lower)
                if before != lower:
                    self._problem(
                        section, lower, f"is the same option as {self._spelt(before)}, keep one"
                    )
                    continue
                found = self._convert(option, section, lower, value)
                if "path" in option.kind.split("|") and found is not None:
                    found = self._own_paths(section, lower, found)
                elif option.kind == "model" and found is not None:
                    found = self._own_model(section, lower, found)
                values[kind][option.name] = _plain(found)
        return values

    def _own_paths(self, section: str, lower: str, found: Any) -> Any:
        """Absolute paths of files that an option names, one or several."""
        paths = []
        for text in found if isinstance(found, list) else [found]:
            path, tried = self._locate(str(text))
            if path is None:
                self._problem(section, lower, f"no such file: {' or '.join(tried)}")
            paths.append(path)
        return paths if isinstance(found, list) else paths[0]

    def _own_model(self, section: str, lower: str, text: str) -> str:
        """Absolute path of a model's folder, or its name on the hub, which is a/b or a word."""
        try:
            text = expand(text)
        except KeyError as error:
            self._problem(
                section, lower, f"the environment variable {error.args[0]} in it is not set"
            )
            return text
        path, tried = self._locate(text)
        if path is not None and os.path.isdir(path):
            return path
        if text.startswith((".", "/", "~")) or text.count("/") > 1 or "\\" in text:
            self._problem(section, lower, f"no such folder: {' or '.join(tried)}")
        return text

    def _unread(self, section: str, kinds: list[str], situation: str) -> None:
        """Remark on options that no type in use reads, or that nobody knows."""
        everywhere = table.elsewhere(section)
        for lower, value in self.own[section].items():
            head, _, rest = lower.partition(".")
            option = everywhere.get(lower)
            if option is None and any(kind.startswith(head) for kind in table.registry("features")):
                option = everywhere.get(rest)
            if option is None:
                self._unknown(section, lower, everywhere)
            elif lower in WIDE[section] and option.status != "ok":
                self._remark(option, lower, value)
            elif kinds:
                self.notes.append(f"[{section}] {self._spelt(lower)}: no effect {situation}")

    # ----------------------------------------------------------------- data

    def _load(self, task: str, target: str) -> tuple[list[str] | None, dict[str, Any]]:
        """Labels, and what all databases share when loaded."""
        labels = _texts(self._get("DATA", "labels"))
        bins = self._get("DATA", "bins")
        continuous = self._get("DATA", "type") == "continuous"
        if labels is not None:
            for label in sorted({label for label in labels if labels.count(label) > 1}):
                self._problem("DATA", "labels", f"'{label}' is named twice")
            if len(labels) < 2 and task == "classification":
                self._problem("DATA", "labels", "a classification needs at least two")
        if bins is not None:
            if any(low >= high for low, high in itertools.pairwise(bins)):
                self._problem("DATA", "bins", f"{bins} are not ascending")
            if labels is None:
                self._problem(
                    "DATA", "bins", f"labels are missing: name the {max(len(bins) - 1, 0)} bins"
                )
            elif len(bins) != len(labels) + 1:
                self._problem(
                    "DATA",
                    "bins",
                    f"{len(labels)} labels need {len(labels) + 1} limits, there are {len(bins)}",
                )
        if task == "regression":
            keys = ["labels", "bins", "type"]
            if bins is not None and labels is not None:
                self.binned = {"bins": bins, "bin_labels": labels}
                keys = []
            unused = [
                f"[DATA] {self._spelt(self.given['DATA', key][0])}"
                for key in keys
                if ("DATA", key) in self.given
            ]
            if unused:
                self.notes.append(f"no effect in regression: {', '.join(unused)}")
            labels = bins = None
            continuous = False
        elif continuous and bins is None and labels is None:
            self._problem(
                "DATA",
                "type",
                "continuous needs labels of the bins, such as labels = ['low', 'high']; their "
                "limits are in bins, or else quantiles of the training rows",
            )
        elif bins is not None and not continuous:
            self.notes.append("[DATA] bins: taken as DATA.type = continuous")
            continuous = True
        load = {
            "task": task,
            "target": target,
            "labels": labels,
            "continuous": continuous,
            "bins": bins,
            "seed": None,
        }
        return labels, load

    def _database(self, name: str) -> dict[str, Any]:
        """Kind, place and load options of a database."""
        normalise: dict[str, Callable[[Any], Any]] = {
            "filter": _filter,
            "mapping": _mapping,
            "colnames": _colnames,
        }
        options: dict[str, Any] = {}
        for key in _LOAD_OPTIONS:
            value = self._get_of(name, key, normalise.get(key))
            options[key] = _texts(value) if isinstance(value, list) and key != "filter" else value
        if (name, "filter") in self.of_database and ("DATA", "filter") in self.given:
            lower, value = self.given["DATA", "filter"]
            try:
                general = _filter(convert(PER_DATABASE["filter"], value.text) or [])
                options["filter"] = [*(options["filter"] or []), *general]
            except ValueError as error:
                self._problem("DATA", lower, str(error))
        # Only then may any tables with a split speak for this target.
        strategy = self._strategy_quietly(name)
        options["split_strategy"] = "database" if strategy == "database" else None
        # 0 is how nkululeko's inis say that there is no limit.
        low = options["min_duration_of_sample"] = options["min_duration_of_sample"] or None
        high = options["max_duration_of_sample"] = options["max_duration_of_sample"] or None
        if low and high and low > high:
            self.problems.add(
                f"[DATA] {name}.min_duration_of_sample: {low:g} is more than "
                f"max_duration_of_sample, {high:g}"
            )
        kind = self._get_of(name, "type")
        kind, path = self._source(name, kind, options["version"])
        return {"name": name, "type": kind, "path": path, "options": options}

    def _source(
        self, name: str, kind: str | None, version: str | None
    ) -> tuple[str | None, str | None]:
        """Kind and path of a database."""
        given = self.paths.get(name)
        text = ""
        if given is not None:
            try:
                text = convert(Option("DATA", name, "path"), given[1].text) or ""
            except ValueError as error:
                self.problems.add(f"[DATA] {name}: {error}")
                return kind, None
        if kind == "demo":
            return kind, None
        if kind == "audb" or (kind is None and version):
            if not version:
                self.problems.add(
                    f"[DATA] {name}.version: missing, an audb database needs it, such as "
                    f"{name}.version = 1.0.0"
                )
            return "audb", text or name
        if not text and self.roots_broken:
            return kind, None
        if not text:
            where = f" there or in {' or '.join(self.roots)}" if self.roots else ""
            self.problems.add(
                f"[DATA] {name}: no path, add a line {name} = <its CSV, or its audformat folder>"
                f"{where}"
            )
            return kind, None
        path, tried = self._locate(text, given[1].source)
        if path is None:
            hint = softlabel.advice(tried, folders=[self.file.parent, self.cwd], cwd=self.cwd)
            self.problems.add(
                f"[DATA] {name}: no such file or folder: {' or '.join(tried)}"
                f"{hint or absent(given[1])}"
            )
            return kind, None
        if path in self.made:
            if kind not in (None, "csv"):
                self.problems.add(f"[DATA] {name}.type: {self.made[path]} makes it, it is a csv")
            return "soft", path
        return self._kind_of(name, kind, path), path

    def _kind_of(self, name: str, kind: str | None, path: str) -> str | None:
        is_folder = os.path.isdir(path)
        is_audformat = is_folder and os.path.exists(os.path.join(path, "db.yaml"))
        if kind is None:
            if is_audformat:
                return "audformat"
            if not is_folder and path.lower().endswith(".csv"):
                return "csv"
            what = "a folder without db.yaml" if is_folder else "neither *.csv nor a folder"
            self.problems.add(
                f"[DATA] {name}: {path} is {what}; name its CSV file, or set {name}.type"
            )
        elif kind == "csv" and is_folder:
            self.problems.add(f"[DATA] {name}: {path} is a folder; name the CSV file in it")
        elif kind == "audformat" and not is_audformat:
            self.problems.add(
                f"[DATA] {name}: {path} is no audformat database (a folder with db.yaml); "
                f"for a CSV file set {name}.type = csv"
            )
        return kind

    def _locate(self, text: str, source: str = "") -> tuple[str | None, list[str]]:
        """Absolute path, looked up beside its root file, the ini, then in the working directory."""
        text = os.path.expanduser(text)
        bases = [*([os.path.dirname(source)] if source else []), *self.folders]
        tried = list(dict.fromkeys(os.path.abspath(os.path.join(b, text)) for b in bases))
        for path in tried:
            if self.made and softlabel.place(path) in self.made:
                return softlabel.place(path), tried
            if os.path.exists(path):
                return path, tried
        if "\\" in text and os.sep == "/":
            # Written on Windows, read here.
            found, _ = self._locate(text.replace("\\", "/"), source)
            return found, tried
        return None, tried

    # ---------------------------------------------------------------- split

    def _split(
        self,
        task: str,
        target: str,
        labels: list[str] | None,
        seed: int,
        databases: tuple[dict[str, Any], ...],
    ) -> dict[str, Any]:
        """Spec of the split, with what its strategies read and nothing else."""
        logo, folds = self._get("MODEL", "logo"), self._get("MODEL", "k_fold_cross")
        trains, tests, cross = self._cross_data()
        stated = {name: self._strategy(name) for name in self.names}
        apart = tests is not None and not cross
        if logo or folds:
            winner = "MODEL.logo" if logo else "MODEL.k_fold_cross"
            if logo and folds:
                self._overridden("[MODEL] k_fold_cross", winner)
                folds = None
            if cross:
                self._overridden("[DATA] strategy, trains, tests", winner)
            elif apart:
                self._overridden("[DATA] tests", winner)
                if self.extra_tests:
                    self._problem(
                        "DATA",
                        "tests",
                        f"{', '.join(self.extra_tests)} cannot be tested on with {winner}, which "
                        "trains a model per fold: leave out one of the two",
                    )
            for name, strategy in stated.items():
                if strategy is not None:
                    self._overridden(f"[DATA] {name}.split_strategy", winner)
            cross, trains, tests = False, None, None
            stated = dict.fromkeys(stated)
        elif cross:
            for name, strategy in stated.items():
                part = "test" if name in (tests or []) else "train"
                if strategy not in (None, part):
                    self._overridden(f"[DATA] {name}.split_strategy", "DATA.strategy = cross_data")
            stated = dict.fromkeys(stated)
        elif apart:
            for name in tests or []:
                if stated[name] not in (None, "test"):
                    self._overridden(f"[DATA] {name}.split_strategy", "DATA.tests")
                stated[name] = "test"
        whole = bool(logo or folds or cross)
        specs = {}
        for database in databases:
            name = database["name"]
            reads = () if whole else self._reads(stated[name])
            specs[name] = {"split_strategy": stated[name]} | {
                key: self._split_value(name, key) if key in reads else None
                for key in _SPLIT_OPTIONS
            }
            if not whole:
                self._check_strategy(database, specs[name])
            self._split_notes(name, specs[name], reads, whole)
        if not whole and stated:
            self._check_parts(stated)
        return {
            "task": task,
            "target": target,
            "labels": labels,
            "seed": seed,
            "same_speakers": self._get("DATA", "same_speakers"),
            "traindevtest": self._get("EXP", "traindevtest"),
            "strategy": "cross_data" if cross else "train_test",
            "trains": trains,
            "tests": tests,
            "logo": logo,
            "k_fold_cross": folds,
            "databases": specs,
        }

    def _overridden(self, what: str, winner: str) -> None:
        self.warnings.append(f"{what}: overridden by {winner}")

    def _cross_data(self) -> tuple[list[str] | None, list[str] | None, bool]:
        """Databases to train and test on, and whether these decide the split."""
        strategy = self._get("DATA", "strategy")
        trains, tests = (
            self._listed(key, _texts(self._get("DATA", key))) for key in ("trains", "tests")
        )
        if trains is None and tests is None:
            if strategy == "cross_data":
                self._problem("DATA", "strategy", "cross_data needs tests = [databases to test on]")
            return None, None, False
        if trains is None and strategy != "cross_data":
            if tests == []:
                self._problem("DATA", "tests", "is empty, name at least one")
            if all(name in (tests or []) for name in self.names):
                self._problem("DATA", "tests", "no database is left to train on")
                return None, None, False
            return None, tests, False
        if strategy == "train_test":
            self._problem("DATA", "strategy", "train_test contradicts trains and tests")
        if strategy is None:
            self.notes.append("[DATA] trains, tests: taken as DATA.strategy = cross_data")
        both = [name for name in trains or [] if name in (tests or [])]
        for name in both:
            self._problem("DATA", "tests", f"'{name}' is in trains as well")
        if trains is None:
            trains = [name for name in self.names if name not in (tests or [])]
        elif tests is None:
            tests = [name for name in self.names if name not in trains]
        if not trains:
            self._problem("DATA", "tests", "no database is left to train on")
        if not tests:
            self._problem("DATA", "trains", "no database is left to test on")
        for name in self.names:
            if name not in trains and name not in (tests or []):
                self.warnings.append(f"[DATA] {name}: unused, neither in trains nor in tests")
        return trains, tests, True

    def _plots(self, learns_by_epoch: bool) -> dict[str, Any]:
        """Options of the pictures."""
        counted = [name for name in self.names if self._get_of(name, "value_counts")]
        plots, problems, notes = pictures.read_options(self._get, counted, learns_by_epoch)
        for line in problems:
            self.problems.add(line)
        self.notes += notes
        return plots

    def _listed(self, key: str, names: list[str] | None) -> list[str] | None:
        """Names of databases as ``databases`` spells them."""
        if names is None:
            return None
        spelling = {name.lower(): name for name in self.names}
        for name in names:
            if name.lower() not in spelling:
                near = suggest(name, self.names) or ", add it there"
                self._problem("DATA", key, f"'{name}' is not in databases{near}")
        return [spelling.get(name.lower(), name) for name in names]

    def _strategy(self, name: str) -> str | list[str] | None:
        strategy = self._get_of(name, "split_strategy")
        if isinstance(strategy, list):
            return _texts(strategy)
        if strategy == "reuse" and {(name, "test_size"), ("DATA", "test_size")} & {
            *self.of_database,
            *self.given,
        }:
            # What a first run with this size has split, under the same key.
            self.notes.append(
                f"[DATA] {name}.split_strategy: reuse is taken as speaker_split of the stated "
                "test_size; every split is kept and reused anyway"
            )
            return "speaker_split"
        if strategy in ("reuse", "train_test"):
            self.notes.append(
                f"[DATA] {name}.split_strategy: {strategy} is taken as if it were not stated; "
                "every split is kept and reused anyway"
            )
            return None
        return strategy

    @staticmethod
    def _reads(strategy: str | list[str] | None) -> tuple[str, ...]:
        return _READS.get(strategy or "", ()) if not isinstance(strategy, list) else ()

    def _split_value(self, name: str, key: str) -> Any:
        value = self._get_of(name, key)
        if key == "dev_size" and value is None and self._get("EXP", "traindevtest"):
            return _DEV_SIZE
        if key == "balance" and value is not None:
            return self._balance(name, value)
        return _texts(value) if isinstance(value, list) else value

    def _balance(self, name: str, value: dict[Any, Any]) -> dict[str, float]:
        for weight in value.values():
            if not isinstance(weight, int | float) or weight < 0:
                self.problems.add(f"[DATA] {name}.balance: weight {weight!r} is no number >= 0")
        return {str(column): weight for column, weight in value.items()}

    def _check_strategy(self, database: dict[str, Any], spec: dict[str, Any]) -> None:
        name, strategy = database["name"], spec["split_strategy"]
        where = f"[DATA] {name}.split_strategy"
        options = database["options"]
        if strategy in ("database", "specified") and database["type"] == "csv":
            self.problems.add(
                f"{where}: a CSV has no tables for '{strategy}', use train, test, dev or "
                "speaker_split"
            )
        elif strategy == "specified" and not (options["train_tables"] or options["test_tables"]):
            self.problems.add(f"{where}: specified needs {name}.train_tables or {name}.test_tables")
        elif strategy == "speakers_stated" and not (spec["train"] or spec["dev"] or spec["test"]):
            self.problems.add(f"{where}: speakers_stated needs {name}.test = [speakers]")
        elif strategy == []:
            self.problems.add(f"{where}: the list of test speakers is empty")
        if (spec["test_size"] or 0) + (spec["dev_size"] or 0) >= 100:
            self.problems.add(
                f"[DATA] {name}.test_size: {spec['test_size']:g} % and dev_size "
                f"{spec['dev_size']:g} % leave nothing to train on"
            )

    def _split_notes(
        self, name: str, spec: dict[str, Any], reads: Iterable[str], whole: bool
    ) -> None:
        """Say which split options of a database are not read."""
        strategy = spec["split_strategy"]
        shown = "a list of speakers" if isinstance(strategy, list) else strategy or "none"
        situation = "with this kind of split" if whole else f"with split_strategy = {shown}"
        for key in _SPLIT_OPTIONS:
            if (name, key) in self.of_database and key not in reads:
                spelt = self._spelt(self.of_database[name, key][0])
                self.notes.append(f"[DATA] {spelt}: no effect {situation}")
        if name == self.names[-1]:
            for key in (key for key in _SPLIT_OPTIONS if ("DATA", key) in self.given):
                used = any(
                    key in self._reads(self._strategy_quietly(other)) for other in self.names
                )
                if whole or not used:
                    self.notes.append(f"[DATA] {self._spelt(key)}: no effect with these splits")

    def _strategy_quietly(self, name: str) -> Any:
        kept = list(self.notes)
        strategy = self._strategy(name)
        self.notes[:] = kept
        return strategy

    def _check_parts(self, stated: dict[str, Any]) -> None:
        strategies = set(map(str, stated.values()))
        if strategies <= {"train", "dev"}:
            self.problems.add(
                "[DATA] split_strategy: there is no test set, give a database split_strategy = test"
            )
        elif strategies <= {"test", "dev"}:
            self.problems.add(
                "[DATA] split_strategy: there is no training set, give a database "
                "split_strategy = train"
            )


def _is_test(split: dict[str, Any], name: str) -> bool:
    """Whether all of a database is in the test set."""
    stated = split["databases"][name]["split_strategy"]
    return name in (split["tests"] or []) or stated == "test"


def _no_folder(name: str) -> str:
    """Why a name cannot be that of a folder on every computer; empty where it can."""
    wrong = sorted({char for char in name if char in '{}<>:"|?*' or not char.isprintable()})
    if wrong:
        return f"holds {' '.join(map(repr, wrong))}"
    if name != name.strip(" .") or name.startswith("-"):
        return f"begins or ends with {(name[:1] if name[:1] in ' .-' else name[-1:])!r}"
    if len(name.encode()) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} bytes"
    return ""


def _one_of(names: Iterable[str]) -> str:
    return f"one of {', '.join(sorted(names))}"


def _ok_names(known: dict[str, Option]) -> list[str]:
    """Canonical names of options that have an effect."""
    return [option.name for option in known.values() if option.status == "ok"]


def _texts(values: Iterable[Any] | None) -> list[str] | None:
    return None if values is None else [str(value) for value in values]


def _plain(value: Any) -> Any:
    """A value as JSON would give it back."""
    return list(value) if isinstance(value, list | tuple) else value


def _filter(value: Any) -> list[list[Any]]:
    """Filters as a list of ``[column, [values]]``.

    Raises:
        ValueError: if it is neither a dict nor a list of pairs
    """
    if isinstance(value, dict):
        pairs = list(value.items())
    elif len(value) == 2 and not isinstance(value[0], list | tuple):
        pairs = [tuple(value)]
    else:
        pairs = list(value)
    result = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"{pair!r} is no pair: write [[column, values], ...]")
        column, wanted = pair
        wanted = list(wanted) if isinstance(wanted, list | tuple | set) else [wanted]
        if not wanted or any(isinstance(v, dict | list | tuple) for v in wanted):
            raise ValueError(f"{pair!r}: name a column, and the values to keep")
        result.append([str(column), wanted])
    return result


def _mapping(value: dict[Any, Any]) -> dict[str, Any]:
    """Mapping as ``{"target": {...}}`` or ``{"columns": {column: {...}}}``.

    Raises:
        ValueError: if values are mixed, or a value is mapped twice
    """
    nested = [isinstance(v, dict) for v in value.values()]
    if not value:
        raise ValueError("is empty")
    if all(nested):
        return {"columns": {str(column): _expand(change) for column, change in value.items()}}
    if any(nested):
        raise ValueError("mixes {value: new value} with {column: {value: new value}}")
    return {"target": _expand(value)}


def _expand(change: dict[Any, Any]) -> dict[str, Any]:
    """``{'a, b': 'c'}`` as ``{'a': 'c', 'b': 'c'}``."""
    result: dict[str, Any] = {}
    for old, new in change.items():
        if isinstance(new, dict | list | tuple | set):
            raise ValueError(f"{old!r} becomes {new!r}, which is no single value")
        for part in str(old).split(","):
            if result.setdefault(part.strip(), new) != new:
                raise ValueError(f"'{part.strip()}' is mapped twice")
    return result


def _colnames(value: dict[Any, Any]) -> dict[str, str]:
    """Renamings as text.

    Raises:
        ValueError: if two columns get one name
    """
    result = {str(old): str(new) for old, new in value.items()}
    for new in sorted(set(result.values())):
        if list(result.values()).count(new) > 1:
            raise ValueError(f"two columns would be named '{new}'")
    return result
