"""Which row is in train, dev or test, or in which fold.

Code that reads inis needs only `strategies`, so the rest is imported on demand.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from izwi.splits.build import make_split
    from izwi.splits.crossval import deal
    from izwi.splits.parts import folds
    from izwi.splits.sources import joined, named, parted, recordings, stratified_folds, together
    from izwi.splits.speakers import same_id
    from izwi.splits.subsets import dev_from_train, generator, strata, stratified_sample

__all__ = [
    "deal",
    "dev_from_train",
    "folds",
    "generator",
    "joined",
    "make_split",
    "named",
    "parted",
    "recordings",
    "same_id",
    "strata",
    "stratified_folds",
    "stratified_sample",
    "together",
]
_MODULES = {
    "make_split": "build",
    "deal": "crossval",
    "folds": "parts",
    "joined": "sources",
    "named": "sources",
    "parted": "sources",
    "recordings": "sources",
    "stratified_folds": "sources",
    "together": "sources",
    "same_id": "speakers",
    "dev_from_train": "subsets",
    "generator": "subsets",
    "strata": "subsets",
    "stratified_sample": "subsets",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
