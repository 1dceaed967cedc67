"""Tables of the config, and the tests behind the marks in them."""

for batch in jobs_of("table"):

    rule:
        name:
            batch.name
        input:
            ancient(batch.inputs),
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
            command("table")


for batch in jobs_of("comparisons"):

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
            command("comparisons")
