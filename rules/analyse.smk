"""Analyses beside the figures: clusters, files to label next, learning curves."""

for batch in jobs_of("analyse"):

    rule:
        name:
            batch.name
        input:
            ancient(batch.inputs),
        output:
            batch.outputs,
        log:
            batch.log,
        benchmark:
            batch.benchmark
        conda:
            "../envs/deep.yaml"
        threads: 1
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("analyse")
