"""Look at a split for what could make figures better than they are."""

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.files import read_json, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write what was found."""
    import pandas as pd

    from izwi.audit import audit

    split_report = read_json(unit.inputs["split_report"])
    tables, recordings, copies = heard(tuple(unit.inputs["tables"]), tuple(unit.inputs["prints"]))
    report = audit(
        unit.spec,
        tables,
        pd.read_parquet(unit.inputs["split"]),
        labels=split_report["labels"],
        recordings=recordings,
        copies=copies,
        imported=joined(unit.inputs["imported"], len(tables)),
        teachers=split_report.get("teachers", []),
    )
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


@lru_cache(maxsize=2)
def heard(tables: tuple[str, ...], prints: tuple[str, ...]):
    """Tables, their fingerprints and near-duplicates; many splits in one job share them."""
    import pandas as pd

    from izwi.audit import find_copies

    found = [pd.read_parquet(path) for path in tables]
    recordings = joined(prints, len(tables))
    return found, recordings, None if recordings is None else find_copies(found, recordings)


def joined(paths: Sequence[str], n_tables: int):
    """Matrices of all tables as one, numbers alone; None where there are none."""
    import pandas as pd

    if not paths:
        return None
    n_sets = len(paths) // n_tables
    index = ["file", "start", "end"]
    matrices = [pd.read_parquet(path).drop(columns=index) for path in paths]
    if n_sets > 1:
        # Two sets may share names.
        matrices = [m.add_prefix(f"{i % n_sets}.") for i, m in enumerate(matrices)]
    rows = [pd.concat(matrices[i * n_sets : (i + 1) * n_sets], axis=1) for i in range(n_tables)]
    return pd.concat(rows, ignore_index=True)


if __name__ == "__main__":
    jobs.run(main)
