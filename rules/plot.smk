"""Pictures."""

for batch in jobs_of("plot"):

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
            "../envs/umap.yaml" if batch.group == "umap" else "../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("plot")
