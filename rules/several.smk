"""Units of several stages in one process: what made a file goes on with it."""


def environment_of(batch):
    """What the heaviest units need, those of the first stage."""
    if batch.first == "features":
        return extractor_class(batch.type).environment
    return "deep" if batch.first == "train" else "core"


for batch in jobs_of("several"):

    rule:
        name:
            batch.name
        input:
            ancient(batch.inputs),
            batch.timed,
        output:
            batch.outputs,
        log:
            batch.log,
        benchmark:
            batch.benchmark
        conda:
            f"../envs/{environment_of(batch)}.yaml"
        threads: PLAN.threads if batch.first == "features" else 1
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        script:
            "../scripts/several.py"
