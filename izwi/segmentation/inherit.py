"""The split of recordings becomes the split of their segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from izwi.segmentation.segments import GAP
from izwi.splits.checks import check_parts
from izwi.splits.parts import PARTS
from izwi.splits.report import Log

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import SplitSpec


def split_of(
    spec: dict[str, Any],
    split: pd.DataFrame,
    sizes: list[int],
    tables: list[pd.DataFrame],
    cuts: list[pd.DataFrame],
    report: dict[str, Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Give each segment the part, fold and speaker of its recording.

    Args:
        spec: of the split
        split: of the recordings, see docs/data_contracts.md
        sizes: rows of each database in it, in order
        tables: segments of each database
        cuts: where each comes from, see `izwi.segmentation.segments.segmented`
        report: of the split of the recordings

    Returns:
        the split, one row per row of the tables; ``notes``, ``warnings``, ``counts`` and
        ``speakers`` by part, of the segments

    Raises:
        UserError: if no segment is left in a part that needs some
    """
    firsts = np.cumsum([0, *sizes[:-1]])
    rows = [
        first + one.loc[one["kind"] != GAP, "row"].to_numpy()
        for first, one in zip(firsts, cuts, strict=True)
    ]
    result = split.iloc[np.concatenate(rows)].reset_index(drop=True)
    frame = pd.concat(tables, ignore_index=True)
    for name in ("start", "end"):
        result[name] = frame[name]
    log = Log()
    truth, labels = frame["truth"], report["labels"]
    if not spec.get("described") and truth.notna().any():
        check_parts(cast("SplitSpec", spec), result, truth, labels, log)
    used = result[result["part"] != ""]
    alone = used[used["speaker"].isna()]
    if not spec.get("described") and alone.duplicated(["database", "file"]).any():
        log.warn(
            "[DATA] segment: speakers are not known, so intervals take the segments of a recording "
            "for independent samples: they are too narrow"
        )
    # What was said of the recordings need not be said again of their segments.
    warnings = [line for line in log.warnings if line not in report["warnings"]]
    parts = list(report["speakers"]) or list(PARTS)
    counts = {part: int((result["part"] == part).sum()) for part in parts}
    if unused := int((result["part"] == "").sum()):
        counts["unused"] = unused
    speakers = {
        part: int(result.loc[result["part"] == part, "speaker"].nunique()) for part in parts
    }
    return result, {
        "notes": log.notes,
        "warnings": warnings,
        "counts": counts,
        "speakers": speakers,
    }
