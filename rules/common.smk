"""From the config to the plan: which units of work there are, and which of them are missing."""

import os
import sys
from pathlib import Path

HOME = Path(str(workflow.current_basedir)).parent
sys.path.insert(0, str(HOME))

from izwi import closing, jobs
from izwi.config import read_config, resolve_all
from izwi.errors import UserError
from izwi.plan import Plan, make_plan


def plan_of(config):
    """The plan of this call; jobs that start on their own take it ready-made."""
    if not workflow.is_main_process and jobs.PLAN in os.environ:
        return Plan.load(os.environ[jobs.PLAN])
    cwd = Path.cwd()
    try:
        settings = read_config(
            config, cwd=cwd, fallback=HOME / "config" / "config.yaml"
        )
        experiments = resolve_all(settings, cwd=cwd)
        plan = make_plan(experiments, settings.results, settings.cache, cwd=cwd)
    except UserError as error:
        raise SystemExit("\n".join(error.problems))
    os.environ[jobs.PLAN] = plan.save()
    os.environ[jobs.CALL] = f"{os.getpid()}"
    return plan


def cores():
    """Cores of this machine that may be used; unknown on a cluster."""
    try:
        return workflow.cores
    except Exception:
        return os.cpu_count() or 1


def jobs_of(stage):
    """The jobs of a stage, as its rules are made from them."""
    return [jobs.Batch(units, PLAN.results) for units in PLAN.batches(stage, CORES)]


PLAN = plan_of(config)
CORES = cores()


envvars:
    jobs.PLAN,
