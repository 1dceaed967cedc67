"""Units of several stages in one process, each by the script of its stage."""

import importlib.util
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs


@cache
def script_of(stage):
    """The script of a stage, as a module."""
    path = Path(__file__).with_name(f"{stage}.py")
    spec = importlib.util.spec_from_file_location(f"izwi_script_{stage}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Make a unit."""
    script_of(unit.stage).main(unit, job)


if __name__ == "__main__":
    jobs.run(main)
