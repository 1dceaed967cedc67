"""A feature set for a table; extraction starts when all labels and splits are known to be right."""

from izwi.features import extractor_class

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
            f"../envs/{extractor_class(batch.type).environment}.yaml"
        threads: CORES
        script:
            "../scripts/features.py"
