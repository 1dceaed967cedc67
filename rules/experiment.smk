"""The folder of each experiment, and the table of them all."""

for batch in jobs_of("experiment"):

    rule:
        name:
            batch.name
        input:
            ancient(batch.shared),
            wishes=batch.wishes,
        output:
            batch.outputs,
        log:
            batch.log,
        benchmark:
            batch.benchmark
        conda:
            "../envs/core.yaml"
        script:
            "../scripts/experiment.py"


for batch in jobs_of("summary"):

    rule:
        name:
            batch.name
        input:
            batch.inputs,
        output:
            batch.outputs,
        log:
            batch.log,
        benchmark:
            batch.benchmark
        conda:
            "../envs/core.yaml"
        script:
            "../scripts/summary.py"
