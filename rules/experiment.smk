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
        script:
            "../scripts/experiment.py"


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
        script:
            "../scripts/summary.py"


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
        params:
            failed=PLAN.units["verdict"][batch.keys[0]].spec["failed"],
        shell:
            "if test -e {params.failed:q}; then cat {params.failed:q} >&2; exit 1; fi; "
            "echo all experiments were made > {output:q} 2> {log:q}"
