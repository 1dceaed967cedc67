"""The rows of an experiment's tables are put into train, dev and test, or into folds."""

for batch in jobs_of("split"):

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
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("split")
