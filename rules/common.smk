"""From the config to the plan: which units of work there are, and which of them are missing."""

import gc
import os
import shlex
import sys
from pathlib import Path

HOME = Path(str(workflow.current_basedir)).parent
sys.path.insert(0, str(HOME))
# False where another workflow has it as a module.
OWN = Path(workflow.main_snakefile).resolve() == HOME / "Snakefile"
if OWN:
    # All that planning makes stays: to look for garbage in it is a sixth of its time.
    gc.disable()

from izwi.engine import call_summary, cli_args, job, lock
from izwi.reporting import snakemake_report as reports
from izwi.engine.batching import Batch, arrange
from izwi.config.result_set import read_config, resolve_all
from izwi.errors import UserError, refusal
from izwi.planning import make_plan
from izwi.engine.plan import Plan


def plan_of(config):
    """The plan of this call; jobs that start on their own take it ready-made."""
    if not workflow.is_main_process and job.PLAN in os.environ:
        return Plan.load(os.environ[job.PLAN])
    cwd = Path.cwd()
    try:
        settings = read_config(
            config, cwd=cwd, fallback=HOME / "config" / "config.yaml"
        )
        experiments = resolve_all(settings, cwd=cwd)
        reads = cli_args.only_reads(sys.argv[1:])
        # What another call makes meanwhile is there when this one plans.
        alone = lock.hold(settings.results, wait=not reads)
        shard_files = settings.shard_files
        if shard_files is None:
            shard_files = 0 if cores() else CLUSTER_FILES
        plan = make_plan(
            experiments,
            settings.results,
            settings.cache,
            cwd=cwd,
            shard_files=shard_files,
            tables=settings.tables,
            page=settings.page,
        )
    except UserError as error:
        raise SystemExit("\n".join(error.problems))
    except OSError as error:
        if line := refusal(error):
            raise SystemExit(line)
        raise
    if alone:
        # Marks of a call that was killed.
        plan.clear_failures()
    arrange(
        plan,
        cores() or CLUSTER_CORES,
        everything=not OWN or not cli_args.is_plain(sys.argv[1:]),
        cluster=cores() is None,
    )
    if reads:
        lock.release(settings.results)
    os.environ[job.PLAN] = plan.save()
    os.environ[job.CALL] = f"{os.getpid()}"
    job.forget(plan)
    return plan


# Cores that a job on a cluster asks for.
CLUSTER_CORES = 4
# Audio files that it extracts, at most.
CLUSTER_FILES = 2000


def cores():
    """Cores of this machine that jobs may use; None on a cluster."""
    if workflow.resource_settings.nodes is not None:
        return None
    try:
        return workflow.cores
    except Exception:
        return os.cpu_count() or 1


def memory(batch):
    """Memory to ask for; more where a job failed."""

    def megabytes(wildcards, attempt):
        return batch.mem_mb * attempt

    return megabytes


def jobs_of(stage):
    """The jobs of a stage, as its rules are made from them."""
    return [Batch(**batch) for batch in PLAN.batches.get(stage, ())]


def command(name):
    """How a job is run: as a script of Snakemake, which would load pandas before each of them."""
    # That of the environment where there is one.
    deployed = workflow.deployment_settings.deployment_method
    python = "python" if deployed else sys.executable
    # Without -P the names of scripts would hide packages.
    words = shlex.join([python, "-P", str(HOME / "scripts" / f"{name}.py")])
    # Commands are made when jobs run, after the loop that makes the rules: the log tells which.
    return words.replace("{", "{{").replace("}", "}}") + " {log:q} {threads}"


PLAN = plan_of(config)
SHOWN = reports.flags(PLAN) if cli_args.reports(sys.argv[1:]) else {}


def shown(batch):
    """Outputs of a batch, with captions where a report is asked for."""
    outputs = []
    for path in batch.outputs:
        outputs.append(report(path, **SHOWN[path]) if path in SHOWN else path)
    return outputs


if SHOWN:

    report: reports.front(PLAN, config)


envvars:
    job.PLAN,
