"""The folder of each experiment, and the table of them all."""

for batch in jobs_of("experiment"):

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
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("experiment")


for batch in jobs_of("summary"):

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
        resources:
            mem_mb=memory(batch),
            runtime=batch.runtime,
        shell:
            command("summary")


# Fails where an experiment could not be made, and leaves what the others made.
for batch in jobs_of("verdict"):

    rule:
        name:
            batch.name
        input:
            batch.timed,
        output:
            batch.outputs,
        log:
            batch.log,
        localrule: True
        conda:
            "../envs/core.yaml"
        shell:
            "if test -e {output:q}.failed; then cat {output:q}.failed >&2; exit 1; fi; "
            "echo all experiments were made > {output:q} 2> {log:q}"
