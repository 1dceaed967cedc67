"""A feature set for a table; extraction starts when all labels and splits are known to be right."""

for batch in jobs_of("features"):

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
        threads: CORES
        script:
            "../scripts/features.py"
