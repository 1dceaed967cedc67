"""One option of an ini."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

# Upper bounds of numbers without one of their own: beyond them a value is a slip.
MOST = {"int": 10**7, "float": 1e12}


@dataclass(frozen=True)
class Option:
    """One option of the ini.

    Args:
        section: its section, upper case
        name: its canonical name as users write it (compared case-insensitively)
        kind: ``str | int | float | bool | list | dict | path | number_list | model | any``
            (a model is a folder or a name on the hub); several allowed kinds are joined by ``|``,
            such as ``"float|str"``
        default: value if the ini does not set it
        doc: one line for the reference page
        stage: the stage that reads it: ``load | annotate | split | features | audit | train |
            evaluate | analyse | soft_label | plot``, or ``none`` if it changes no result
        choices: allowed values; empty means any of its kind
        minimum: smallest allowed number
        maximum: largest allowed number; None is that of :data:`MOST`
        aliases: other spellings
        per_database: also, or only, written as ``<database>.<name>``
        status: ``ok``, ``inert`` (known, without effect in izwi: a note) or ``unsupported``
            (known to nkululeko, would change a figure: an error)
        advice: what to do instead, for ``inert`` and ``unsupported``
        database_only: for ``per_database``: never written for all databases at once
        hint: what is probably meant if a number is out of range
    """

    section: str
    name: str
    kind: str = "str"
    default: Any = None
    doc: str = ""
    stage: str = "none"
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[str, ...] = ()
    per_database: bool = False
    status: str = "ok"
    advice: str = ""
    database_only: bool = False
    hint: str = ""

    @property
    def upper(self) -> float:
        """Largest allowed number."""
        if self.maximum is not None:
            return self.maximum
        return MOST["int"] if "int" in self.kind.split("|") else MOST["float"]


def option(name: str, kind: str = "str", default: Any = None, doc: str = "", **more: Any) -> Option:
    """An option whose section and stage `read_by` sets."""
    return Option("", name, kind, default, doc, **more)


def model_option(
    name: str, kind: str = "str", default: Any = None, doc: str = "", **more: Any
) -> Option:
    """An option that a model reads in training."""
    return Option("MODEL", name, kind, default, doc, stage="train", **more)


def feature_option(
    name: str, kind: str = "str", default: Any = None, doc: str = "", **more: Any
) -> Option:
    """An option that an extractor reads."""
    return Option("FEATS", name, kind, default, doc, stage="features", **more)


def read_by(section: str, stage: str, *options: Option, **common: Any) -> list[Option]:
    """Options of a section that one stage reads."""
    return [replace(one, section=section, stage=stage, **common) for one in options]


def known(section: str, status: str, advice: str, **names: str) -> list[Option]:
    """Options of nkululeko without meaning in izwi: name → what it does in nkululeko.

    A dot in a name is written as ``__``.
    """
    return [
        Option(section, name.replace("__", "."), "any", doc=doc, status=status, advice=advice)
        for name, doc in names.items()
    ]
