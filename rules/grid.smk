"""Tables and pictures of the results of grids."""

for batch in jobs_of("grid"):

    rule:
        name:
            batch.name
        input:
            batch.timed,
        output:
            shown(batch),
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
            command("grid")
