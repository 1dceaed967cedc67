"""The page of results."""

for batch in jobs_of("page"):

    rule:
        name:
            batch.name
        input:
            batch.timed,
        output:
            batch.outputs,
        log:
            batch.log,
        benchmark:
            batch.benchmark
        conda:
            "../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("page")
