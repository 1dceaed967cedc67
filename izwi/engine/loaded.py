"""What a call has loaded, and who is tested, in a few lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from izwi.reporting.numbers import rounded
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.engine.plan import Plan, Unit

# Lines of all databases and splits that are shown.
MOST = 24
CLASSES = 12


def expected(plan: Plan, missing: Iterable[Unit]) -> dict[str, str]:
    """What describes the data that a call works on: the file → the target.

    Args:
        plan: of the call
        missing: the units that it makes
    """
    files = [
        unit.inputs["description"] if unit.stage == "experiment" else unit.outputs["description"]
        for unit in missing
        if unit.stage in ("experiment", "describe")
    ]
    found = {}
    for file in dict.fromkeys(files):
        split = plan.maker[plan.maker[file].inputs["split"]]
        found[file] = str(split.spec["target"])
    return found


def lines(description: Mapping[str, Any], target: str) -> list[str]:
    """Databases with files, speakers and minutes; the classes; who is tested.

    Args:
        description: as the stage ``describe`` writes it
        target: name of the column that is learned
    """
    databases = description["databases"]
    found = [f"{name}: {_size(cell)}" for name, cell in databases.items()]
    found += _target(description, target)
    return [*found, f"  {_tested(description)}"]


def _size(cell: Mapping[str, Any]) -> str:
    words = [count(cell["files"], "file")] if "files" in cell else []
    if words and cell["samples"] != cell["files"]:
        words = [f"{count(cell['samples'], 'sample')} of {words[0]}"]
    if "speakers" in cell:
        words.append(_speakers(cell))
    if cell.get("minutes") is not None:
        words.append(f"{cell['minutes']:.1f} min")
    counts = cell.get("counts") or {}
    out = counts.get("listed", 0) - counts.get("used", 0)
    if out > 0:
        words.append(f"{count(out, 'row')} left out")
    return ", ".join(words) or "no row is used"


def _speakers(cell: Mapping[str, Any]) -> str:
    known = cell["speakers"] is not None
    return count(cell["speakers"], "speaker") if known else "speakers unknown"


def _target(description: Mapping[str, Any], target: str) -> Iterator[str]:
    """The number of samples of each class, or the range of the target."""
    spread = description["target"]
    if spread:
        low, high, mean = (rounded(spread[name]) for name in ("min", "max", "mean"))
        yield f"  {target}: {low} to {high}, {mean} on average"
        return
    sums: dict[str, int] = dict.fromkeys(description["labels"] or (), 0)
    for cell in description["parts"]:
        if cell["class"] in sums:
            sums[cell["class"]] += cell["samples"]
    shown = [f"{label} {number:,}" for label, number in list(sums.items())[:CLASSES]]
    if len(sums) > CLASSES:
        shown.append(f"… {len(sums)} classes in all")
    if shown:
        yield f"  {target}: {', '.join(shown)}"


def _tested(description: Mapping[str, Any]) -> str:
    if description["cross_validation"]:
        whole = next(cell for cell in description["parts"] if cell["class"] is None)
        folds = description["folds"]
        each = " (one speaker each)" if folds == whole["speakers"] else ""
        return f"tested: {_part(whole)}, each once, in {count(folds, 'fold')}{each}"
    cells = {cell["part"]: cell for cell in description["parts"] if cell["class"] is None}
    words = [f"tested: {_part(cells['test'])}"] if "test" in cells else ["tested: none"]
    words += [
        f"{name}: {_part(cells[part])}"
        for part, name in (("train", "trained on"), ("dev", "chosen on"))
        if part in cells
    ]
    return "; ".join(words)


def _part(cell: Mapping[str, Any]) -> str:
    return f"{count(cell['samples'], 'sample')}, {_speakers(cell)}"
