"""Which row is in train, dev or test, or in which fold."""

from __future__ import annotations

from izwi.splits.build import make_split
from izwi.splits.crossval import deal
from izwi.splits.parts import folds
from izwi.splits.speakers import same_id
from izwi.splits.subsets import dev_from_train, generator, strata

__all__ = ["deal", "dev_from_train", "folds", "generator", "make_split", "same_id", "strata"]
