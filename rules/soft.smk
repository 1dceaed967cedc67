"""Predictions of an experiment as a database of another."""

for batch in jobs_of("soft"):

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
            "../envs/core.yaml"
        threads: 1
        script:
            "../scripts/soft.py"
