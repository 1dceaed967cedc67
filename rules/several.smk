"""Units of several stages in one process: what made a file goes on with it."""

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
            f"../envs/{batch.environment}.yaml"
        threads: PLAN.threads if batch.extracts else 1
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("several")
