"""izwi: one ini, or many, become results. See README.md."""

from snakemake.utils import min_version

min_version("9.0")


include: "rules/common.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        PLAN.targets,


include: "rules/database.smk"
include: "rules/load.smk"
include: "rules/split.smk"
include: "rules/describe.smk"
include: "rules/features.smk"
include: "rules/audit.smk"
include: "rules/train.smk"
include: "rules/soft.smk"
include: "rules/evaluate.smk"
include: "rules/analyse.smk"
include: "rules/plot.smk"
include: "rules/experiment.smk"
include: "rules/grid.smk"
include: "rules/table.smk"
include: "rules/page.smk"
include: "rules/several.smk"


onstart:
    gc.freeze()
    gc.enable()
    limiter = getattr(
        getattr(workflow, "scheduler", None), "job_rate_limiter", None
    )
    if limiter and not limiter.timespan:
        # The scheduler looks again after this time, so would never rest while jobs wait for cores.
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    call_summary.success(PLAN)


onerror:
    call_summary.failure(PLAN, str(log[0] if isinstance(log, list) else log))
