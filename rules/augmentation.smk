"""Changed copies of recordings: augmented to train on or to write, degraded to test on."""


rule augment:
    """Which rows of a table are copied to train on, and what changes the copies."""
    input:
        SESSION.made_of("augment"),
    output:
        table="<results>/augmented/{table}-{key}.parquet",
        report="<results>/augmented/{table}-{key}.json",
    log:
        "<logs>/augment/{table}-{key}.log",
    priority: 2
    conda:
        "../envs/augment.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule write_augmented:
    """Augmented copies as audio files with a list of them."""
    input:
        SESSION.made_of("write_augmented"),
    output:
        header="<results>/augmented_audio/{databases}-{key}/augmented.json",
    log:
        "<logs>/write_augmented/{databases}-{key}.log",
    conda:
        "../envs/augment.yaml"
    threads: THREADS
    resources:
        mem_mb=SESSION.each_try(2000),
        runtime=SESSION.each_try(240),
    shell:
        RUN


rule degrade:
    """Which test samples are degraded, and how."""
    input:
        SESSION.made_of("degrade"),
    output:
        table="<results>/degraded/{table}-{key}.parquet",
        report="<results>/degraded/{table}-{key}.json",
    log:
        "<logs>/degrade/{table}-{key}.log",
    priority: 2
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule predict_degraded:
    """A model's predictions of degraded copies of its test samples."""
    input:
        SESSION.made_of("predict_degraded"),
    output:
        predictions="<results>/degraded_predictions/{model}-{key}/predictions.parquet",
        report="<results>/degraded_predictions/{model}-{key}/report.json",
    log:
        "<logs>/predict_degraded/{model}-{key}.log",
    conda:
        "../envs/deep.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(60),
        in_turn=1,
    shell:
        RUN


rule robustness:
    """The figure by kind and strength of degradation."""
    input:
        SESSION.made_of("robustness"),
    output:
        result="<results>/robustness/{key}.json",
        table="<results>/robustness/{key}.csv",
    log:
        "<logs>/robustness/{key}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
        in_turn=1,
    shell:
        RUN
