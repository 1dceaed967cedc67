"""Features of recordings, and the audit that compares recordings."""


rule fetch_model:
    """A pretrained model that is not on this computer, from the Hugging Face hub."""
    input:
        SESSION.made_of("fetch_model"),
    output:
        record="<results>/fetched/{model}-{key}.json",
    log:
        "<logs>/fetch_model/{model}-{key}.log",
    priority: 2
    # Where the call runs there is a network, on the nodes of a cluster often none.
    localrule: True
    conda:
        "../envs/deep.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(8000),
        runtime=SESSION.each_try(240),
    shell:
        RUN


rule segment:
    """The segments of a database's recordings: speech, or windows of one length."""
    input:
        SESSION.made_of("segment"),
    output:
        table="<results>/segments/{table}-{key}.parquet",
        cuts="<results>/segments/{table}-{key}.cuts.parquet",
        report="<results>/segments/{table}-{key}.json",
    log:
        "<logs>/segment/{table}-{key}.log",
    priority: 2
    conda:
        "../envs/bundled.yaml"
    threads: THREADS
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(240),
    shell:
        RUN


rule segment_split:
    """The split of segments: each is in the part of its recording."""
    input:
        SESSION.made_of("segment_split"),
    output:
        split="<results>/segment_splits/{databases}-{key}.parquet",
        report="<results>/segment_splits/{databases}-{key}.json",
    log:
        "<logs>/segment_split/{databases}-{key}.log",
    priority: 2
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule shard:
    """A part of a large table's audio, into the feature store."""
    input:
        SESSION.made_of("shard"),
    output:
        done="<results>/shards/{part}-{key}.json",
    log:
        "<logs>/shard/{part}-{key}.log",
    priority: 1
    conda:
        "../envs/deep.yaml"
    threads: THREADS
    resources:
        mem_mb=SESSION.each_try(2000),
        runtime=SESSION.each_try(240),
    shell:
        RUN


rule features:
    """A feature set for a table; only audio that the store lacks is read."""
    input:
        SESSION.made_of("features"),
    output:
        matrix="<results>/features/{table}/{features}-{key}.parquet",
        report="<results>/features/{table}/{features}-{key}.json",
    log:
        "<logs>/features/{table}/{features}-{key}.log",
    priority: 1
    conda:
        "../envs/deep.yaml"
    threads: THREADS
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(480),
    shell:
        RUN


rule audit:
    """What could make the figures of a split better than they are."""
    input:
        SESSION.made_of("audit"),
    output:
        report="<results>/audits/{databases}-{key}.json",
    log:
        "<logs>/audit/{databases}-{key}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(120),
    shell:
        RUN
