"""Databases, label tables, splits, and who is in them."""


rule database:
    """The embedded data, synthesised, or a database fetched by audb."""
    input:
        SESSION.made_of("database"),
    output:
        header="<results>/databases/{database}-{key}/done.json",
    log:
        "<logs>/database/{database}-{key}.log",
    priority: 2
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(2000),
        runtime=SESSION.each_try(240),
    shell:
        RUN


rule load:
    """The label table of a database: mapped, binned, filtered."""
    input:
        SESSION.made_of("load"),
    output:
        table="<results>/labels/{table}-{key}.parquet",
        report="<results>/labels/{table}-{key}.json",
    log:
        "<logs>/load/{table}-{key}.log",
    # Before any extraction, so that what is wrong with labels or splits is told first.
    priority: 2
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule split:
    """Who is in train, dev and test, or in which fold."""
    input:
        SESSION.made_of("split"),
    output:
        split="<results>/splits/{databases}-{key}.parquet",
        report="<results>/splits/{databases}-{key}.json",
    log:
        "<logs>/split/{databases}-{key}.log",
    priority: 2
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule annotate:
    """Properties that ready-made models predict, as columns of a label table."""
    input:
        SESSION.made_of("annotate"),
    output:
        table="<results>/annotated/{table}-{key}.parquet",
        report="<results>/annotated/{table}-{key}.json",
    log:
        "<logs>/annotate/{table}-{key}.log",
    priority: 1
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule properties:
    """Predicted properties as a CSV, and how they go with the target."""
    input:
        SESSION.made_of("properties"),
    output:
        csv="<results>/properties/{databases}-{key}/predicted.csv",
        statistics="<results>/properties/{databases}-{key}/properties.csv",
        report="<results>/properties/{databases}-{key}/properties.json",
    log:
        "<logs>/properties/{databases}-{key}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule describe:
    """Samples, speakers and minutes of each part of a split."""
    input:
        SESSION.made_of("describe"),
    output:
        description="<results>/descriptions/{databases}-{key}.json",
        seconds="<results>/descriptions/{databases}-{key}.parquet",
    log:
        "<logs>/describe/{databases}-{key}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule export_data:
    """Audio and tables of an experiment's data, for use elsewhere."""
    input:
        SESSION.made_of("export_data"),
    output:
        header="<results>/exported_data/{database}-{key}/export.json",
    log:
        "<logs>/export_data/{database}-{key}.log",
    conda:
        "../envs/core.yaml"
    threads: THREADS
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(240),
    shell:
        RUN
