"""``EXP.databases``: one ini, in which each of some databases is trained on and each is tested.

Databases are crossed as nkululeko's module multidb does it. Each pair becomes an experiment, and a
table with its heat map has a row for each database that is trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from izwi.config.ini import Ini, Value
from izwi.config.options import WIDE, convert

# Of whole databases there are no folds, and what is tested follows from the pair.
_DROPPED = ("MODEL.logo", "MODEL.k_fold_cross", "DATA.strategy", "DATA.trains", "DATA.tests")


@dataclass(frozen=True)
class Pair:
    """A database to train on, and one to test on.

    Args:
        name: behind that of the ini
        ini: without the lines of other databases
        setting: the options that make the pair, as for `experiment.resolve`
    """

    name: str
    ini: Ini
    setting: dict[str, str | None] = field(default_factory=dict)


def take(ini: Ini) -> list[Pair]:
    """Take ``EXP.databases`` and what goes with it out of an ini.

    Args:
        ini: changed; problems are added to its ``problems``

    Returns:
        all pairs, none where the ini crosses nothing; behind a problem a single one without name
    """
    stated = ini.sections.get("EXP", {}).get("databases")
    if stated is None:
        return []
    names = _names(ini, "EXP", "databases", stated)
    ini.sections["EXP"].pop("databases")
    extra_stated = ini.sections.pop("CROSSDB", {}).get("train_extra")
    extra = _names(ini, "CROSSDB", "train_extra", extra_stated) if extra_stated else []
    own_parts = False
    if splits := ini.sections["EXP"].pop("use_splits", None):
        try:
            own_parts = bool(convert(WIDE["EXP"]["use_splits"], splits.text))
        except ValueError as error:
            ini.problems.append(f"[EXP] use_splits: {error}")
    if len(names) < 2 and not ini.problems:
        ini.problems.append("[EXP] databases: name two at least, to train on each and test on each")
    for name in sorted({n for n in names if names.count(n) > 1} | {*names} & {*extra}):
        ini.problems.append(f"[EXP] databases: '{name}' is named twice, or in train_extra as well")
    if ini.problems:
        return [Pair("", ini)]
    return [_pair(ini, a, b, names, extra, own_parts) for a in names for b in names]


def _names(ini: Ini, section: str, key: str, stated: Value) -> list[str]:
    try:
        found = convert(WIDE["DATA"]["databases"], stated.text)
    except ValueError as error:
        ini.problems.append(f"[{section}] {key}: {error}")
        return []
    return [str(name).strip() for name in found or []]


def _pair(ini: Ini, a: str, b: str, names: list[str], extra: list[str], own_parts: bool) -> Pair:
    """The options of one pair.

    Within a database its own split holds. Across databases all of the first is trained on and all
    of the second is tested; with their own splits only the training and the test part.
    """
    setting: dict[str, str | None] = {"DATA.databases": repr([a, *extra])}
    if a != b:
        present = {option for option in _DROPPED if _is_there(ini, option)}
        setting |= dict.fromkeys((o for o in _DROPPED if o in present), None)
        if own_parts:
            setting |= {"DATA.tests": repr([b]), f"DATA.{b}.as_test": "True"}
        else:
            setting["DATA.databases"] = repr([a, b, *extra])
            setting |= {f"DATA.{a}.split_strategy": "train", f"DATA.{b}.split_strategy": "test"}
    setting |= {f"DATA.{name}.split_strategy": "train" for name in extra}
    others = [name.lower() for name in names if name not in (a, b)]
    return Pair(f"{a}_to_{b}", _without(ini, others), setting)


def _is_there(ini: Ini, option: str) -> bool:
    section, _, name = option.partition(".")
    return name.lower() in ini.sections.get(section, {})


def _without(ini: Ini, databases: list[str]) -> Ini:
    """The ini without the lines of some databases, which are not in use."""
    data = {
        key: value
        for key, value in ini.sections.get("DATA", {}).items()
        if not any(key == name or key.startswith(f"{name}.") for name in databases)
    }
    return Ini({**ini.sections, "DATA": data}, ini.lines, ini.spelling, ini.problems)
