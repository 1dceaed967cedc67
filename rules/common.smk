"""From the config to the plan of this call, and what the rules ask of it."""

import gc
import sys
from pathlib import Path

# What is imported and planned stays, so garbage collection would be a sixth of the time for
# nothing. It begins again with the jobs.
gc.disable()
HOME = Path(str(workflow.current_basedir)).parent
if (HOME / "izwi").is_dir():
    sys.path.insert(0, str(HOME))
try:
    from izwi.engine import session
except ImportError as error:
    if error.name != "izwi":
        raise
    raise SystemExit("izwi: not installed in this Python; type: pip install izwi")

SESSION = session.start(workflow, config, HOME, sys.argv[1:])
# What each rule runs: it asks a warm worker for the unit, or makes it.
RUN = SESSION.command
# Extraction shares its work among the cores of the call, or of a job on a cluster.
THREADS = SESSION.threads


pathvars:
    results=SESSION.results,
    logs=f"{SESSION.results}/logs",


wildcard_constraints:
    key="[0-9a-f]{12}",
    name="[^/]+",
    file="[^/]+",
    kind="[^/]+",
    database="[^/]+",
    databases="[^/]+",
    config="[^/]+",
    # The tests of all tables have a rule of their own.
    table="(?!comparisons[.]csv$)[^/]+",
    features="[^/]+",
    model="[^/]+",
    target="[^/]+",
    method="[^/]+",
    part="[^/]+",
    grid="[^/]+",
    place="grids/[^/]+/[^/]+|tables/[^/]+",
    picture="[^/]+",
    plot="[^/]+[.](?:png|pdf|svg|eps)",
    format="png|pdf|svg|eps",


# Of a group on a cluster: the units of one job run one after another, on one core.
resource_scopes:
    in_turn="local",


envvars:
    *SESSION.variables,


if SESSION.report:

    report: SESSION.report.front
