"""Fit on the training rows, predict the test rows."""

for batch in jobs_of("train"):

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
            command("train")
