"""Fill a table of the config: CSV, Markdown, LaTeX, a heat map, and the tests behind its marks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import failure_markers
from izwi.engine import job as jobs
from izwi.errors import UserError
from izwi.files import atomic, read_json, write_json, write_text

DOWN, ACROSS = "rows", "columns"


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write one table in all its forms."""
    import pandas as pd

    from izwi.reporting.tables import contents, writing

    spec, inputs = unit.spec, unit.inputs
    places = dict(zip(spec["experiments"], inputs["predictions"], strict=True))
    metrics = {
        name: None if failure_markers.marked(path) else read_json(path)
        for name, path in zip(spec["experiments"], inputs["metrics"], strict=True)
    }
    if not any(metrics.values()):
        raise UserError(f"table {spec['name']}: none of its experiments could be made")

    def predictions(name):
        found = pd.read_parquet(places[name])
        scores = [column for column in found if column.startswith("p_")]
        wanted = [*contents.READ, *(scores if spec["measure"] == "eer" else [])]
        return found[[column for column in wanted if column in found]]

    filled = contents.fill(spec, metrics, predictions)
    with atomic(unit.outputs["csv"]) as path:
        writing.write_csv(filled, path)
    write_text(unit.outputs["md"], writing.markdown(filled))
    write_text(unit.outputs["tex"], writing.latex(filled))
    tests = filled.tests.astype(object)
    write_json(unit.outputs["tests"], tests.where(tests.notna(), None).to_dict("records"))
    draw(filled, [unit.outputs[ending] for ending in spec["formats"]])


def draw(filled, paths):
    """The table as a heat map."""
    from izwi import plots

    table = filled.table
    axes = {DOWN: ", ".join(table["row_options"]), ACROSS: ", ".join(table["column_options"])}
    rows = [
        {
            "values": {
                axes[DOWN]: table["rows"][cell.row]["label"],
                axes[ACROSS]: table["columns"][cell.column]["label"],
            },
            "measure": table["measure"],
            "value": cell.value,
            "ci_low": cell.ci[0],
            "ci_high": cell.ci[1],
            "ci_method": cell.ci_method,
            "n_evaluated": cell.n,
        }
        for _, cell in sorted(filled.cells.items())
        if cell.n is not None
    ]
    for file in paths:
        with atomic(file) as path:
            plots.heat_map(list(axes.values()), rows, path, table["caption"], across=axes[ACROSS])


if __name__ == "__main__":
    jobs.run(main)
