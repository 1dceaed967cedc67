"""The options of an ini: the list of them, who reads them, and text as their values.

Options of extractors and models are defined in their classes; ``all_options`` joins both.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from izwi.config.options.option import Option, feature_option, model_option
from izwi.config.options.sections import GENERAL, SECTIONS
from izwi.config.options.sections.feats import PEER_FEATURES
from izwi.config.options.sections.model import MEASURES, PEER_MODELS
from izwi.config.options.values import convert, is_off, suggest

__all__ = [
    "GENERAL",
    "MEASURES",
    "PEER_FEATURES",
    "PEER_MODELS",
    "PER_DATABASE",
    "SECTIONS",
    "WIDE",
    "Option",
    "all_options",
    "by_name",
    "convert",
    "elsewhere",
    "feature_option",
    "is_off",
    "model_option",
    "options_with_owners",
    "own_options",
    "owner",
    "registry",
    "suggest",
]


@cache
def registry(package: str) -> dict[str, str]:
    """Types of ``features`` or ``models`` → where their class is defined."""
    name = {"features": "EXTRACTORS", "models": "MODELS"}[package]
    return dict(getattr(import_module(f"izwi.{package}"), name, {}))


@cache
def owner(package: str, name: str) -> Any:
    """Class of an extractor or a model."""
    module, _, attribute = registry(package)[name].partition(":")
    return getattr(import_module(module), attribute)


@cache
def own_options(package: str, name: str) -> dict[str, Option]:
    """What an extractor or a model reads: lower-case name or alias → option."""
    return by_name(owner(package, name).options)


@cache
def all_options() -> tuple[Option, ...]:
    """All options, those of extractors and models included, each once, by section."""
    return tuple(option for option, _ in options_with_owners())


@cache
def options_with_owners() -> tuple[tuple[Option, tuple[str, ...]], ...]:
    """All options and, for those of extractors and models, the types that read them."""
    owners: dict[str, tuple[Option, list[str]]] = {}
    for package in ("features", "models"):
        for name in registry(package):
            for option in owner(package, name).options:
                # A default may be a list, so an option cannot be a dict key.
                owners.setdefault(repr(option), (option, []))[1].append(name)
    taken = {
        (option.section, spelling.lower())
        for option, _ in owners.values()
        for spelling in (option.name, *option.aliases)
    }
    merged: list[tuple[Option, tuple[str, ...]]] = []
    for section in SECTIONS:
        merged += [
            (option, ())
            for option in GENERAL
            if option.section == section
            and (option.status == "ok" or (section, option.name.lower()) not in taken)
        ]
        # Options that some type reads come before those that a type only recognises.
        merged += sorted(
            ((o, tuple(names)) for o, names in owners.values() if o.section == section),
            key=lambda pair: pair[0].status != "ok",
        )
    return tuple(merged)


def by_name(options: Iterable[Option]) -> dict[str, Option]:
    """Lower-case name or alias → option; the first of equals wins."""
    table: dict[str, Option] = {}
    for option in options:
        for spelling in (option.name, *option.aliases):
            table.setdefault(spelling.lower(), option)
    return table


WIDE = {
    section: by_name(o for o in GENERAL if o.section == section and not o.database_only)
    for section in SECTIONS
}
PER_DATABASE = by_name(
    sorted((o for o in GENERAL if o.per_database), key=lambda o: not o.database_only)
)


@cache
def elsewhere(section: str) -> dict[str, Option]:
    """Every option of a section, whoever reads it: lower-case name or alias → option."""
    return by_name(option for option in all_options() if option.section == section)
