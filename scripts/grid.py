"""Compare the members of a grid: a table, as CSV and as Markdown, and a heat map."""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.data.csv_safety import harmless
from izwi.engine import failure_markers
from izwi.engine import job as jobs
from izwi.errors import UserError
from izwi.files import atomic, read_json, write_text

FIGURES = ("measure", "value", "ci_low", "ci_high", "ci_method", "sd", "runs")
COUNTS = ("n_train", "n_test", "n_evaluated", "n_speakers", "few_speakers", "transductive")
CAUTION = (
    "Each interval is that of one experiment. The best of many figures is too good by chance: "
    "confirm a choice that is made here on data that had no part in it."
)


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write the table and draw the heat map of one grid."""
    from izwi import plots

    axes = unit.spec["axes"]
    rows = [
        row_of(member, read_json(path))
        for member, path in zip(unit.spec["members"], unit.inputs["metrics"], strict=True)
        if not failure_markers.marked(path)
    ]
    if not rows:
        raise UserError(f"grid {unit.spec['name']}: none of its experiments could be made")
    with (
        atomic(unit.outputs["table"]) as path,
        open(path, "w", newline="", encoding="utf-8") as stream,
    ):
        header = ["name", *axes, *FIGURES, *COUNTS, "warnings"]
        writer = csv.DictWriter(stream, header, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            cells = {**row, **row["values"]}
            writer.writerow({key: harmless(value) for key, value in cells.items()})
    write_text(unit.outputs["markdown"], markdown(unit.spec["name"], axes, rows))
    for ending in unit.spec["formats"]:
        with atomic(unit.outputs[ending]) as path:
            plots.heat_map(axes, rows, path, unit.spec["name"])


def row_of(member, metrics):
    """What the table says of one experiment."""
    low, high = metrics["ci"] or (None, None)
    return {
        "name": member["name"],
        "values": member["values"],
        "ci_low": low,
        "ci_high": high,
        "warnings": len(metrics["warnings"]),
        **{key: metrics[key] for key in ("measure", "value", "ci_method", "sd", "runs")},
        **{key: metrics[key] for key in COUNTS},
    }


def speakers_of(row):
    """The number of speakers, and a word where they are few."""
    if row["n_speakers"] is None:
        return "unknown"
    return f"{row['n_speakers']}, few" if row["few_speakers"] else str(row["n_speakers"])


def markdown(name, axes, rows):
    """The table as Markdown."""
    header = [*axes, "measure", "value", "95 % interval", "interval by", "n"]
    header += ["speakers", "warnings"]
    lines = [header, ["---"] * len(header)]
    for row in rows:
        known = row["value"] is not None
        interval = known and row["ci_low"] is not None
        lines.append(
            [
                *(row["values"][axis] for axis in axes),
                row["measure"] + (" (transductive)" if row["transductive"] else ""),
                f"{row['value']:.4g}" if known else "none",
                f"[{row['ci_low']:.4g}, {row['ci_high']:.4g}]" if interval else "",
                row["ci_method"] or "",
                str(row["n_evaluated"]),
                speakers_of(row),
                str(row["warnings"]),
            ]
        )
    table = "\n".join(
        f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines
    )
    return f"# {name}\n\n{table}\n\n{CAUTION}\n"


if __name__ == "__main__":
    jobs.run(main)
