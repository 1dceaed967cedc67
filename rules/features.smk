"""A feature set for a table; extraction starts when all labels and splits are known to be right.

Shards of a large table fill the feature store, each its part, before the matrix is put together.
"""

for batch in jobs_of("shard"):

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
            f"../envs/{batch.environment}.yaml"
        threads: PLAN.threads
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("shard")


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
            f"../envs/{batch.environment}.yaml"
        threads: PLAN.threads
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("features")
