"""Models, their predictions, and the figures that follow from these."""


rule train:
    """A model, and its predictions of the rows that its split holds out."""
    input:
        SESSION.made_of("train"),
    output:
        predictions="<results>/models/{model}-{key}/predictions.parquet",
        report="<results>/models/{model}-{key}/training.json",
        model=directory("<results>/models/{model}-{key}/model"),
    log:
        "<logs>/train/{model}-{key}.log",
    conda:
        "../envs/deep.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(120),
        in_turn=1,
    shell:
        RUN


rule predict:
    """A model's predictions of databases that had no part in its training."""
    input:
        SESSION.made_of("predict"),
    output:
        predictions="<results>/predictions/{model}-{key}/predictions.parquet",
        report="<results>/predictions/{model}-{key}/training.json",
    log:
        "<logs>/predict/{model}-{key}.log",
    conda:
        "../envs/deep.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(60),
        in_turn=1,
    shell:
        RUN


rule soft_label:
    """Predictions as a database that other experiments learn from."""
    input:
        SESSION.made_of("soft_label"),
    output:
        labels="<results>/soft_labels/{target}-{key}/soft_labels.csv",
        lineage="<results>/soft_labels/{target}-{key}/soft_labels_lineage.parquet",
        report="<results>/soft_labels/{target}-{key}/soft_labels.json",
        header="<results>/soft_labels/{target}-{key}/done.json",
    log:
        "<logs>/soft_label/{target}-{key}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(10),
        in_turn=1,
    shell:
        RUN


rule inner:
    """Training rows of an ensemble's member, predicted by models that had not seen them."""
    input:
        SESSION.made_of("inner"),
    output:
        predictions="<results>/inner/{model}-{key}/predictions.parquet",
        report="<results>/inner/{model}-{key}/inner.json",
    log:
        "<logs>/inner/{model}-{key}.log",
    conda:
        "../envs/deep.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(240),
        in_turn=1,
    shell:
        RUN


rule ensemble:
    """The predictions of several experiments, fused into one."""
    input:
        SESSION.made_of("ensemble"),
    output:
        predictions="<results>/ensembles/{method}-{key}/predictions.parquet",
        report="<results>/ensembles/{method}-{key}/training.json",
    log:
        "<logs>/ensemble/{method}-{key}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(10),
        in_turn=1,
    shell:
        RUN


rule member_tests:
    """Paired tests of an ensemble against each of its members."""
    input:
        SESSION.made_of("member_tests"),
    output:
        tests="<results>/ensembles/tests/{key}.json",
    log:
        "<logs>/member_tests/{key}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
        in_turn=1,
    shell:
        RUN


rule evaluate:
    """Measures with their intervals."""
    input:
        SESSION.made_of("evaluate"),
    output:
        metrics="<results>/evaluations/{key}/metrics.json",
        predictions="<results>/evaluations/{key}/predictions.csv",
    log:
        "<logs>/evaluate/{key}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(10),
        in_turn=1,
    shell:
        RUN


rule analyse:
    """What an experiment finds out beside its figures."""
    input:
        SESSION.made_of("analyse"),
    output:
        result="<results>/analyses/{kind}-{key}/{file}",
    log:
        "<logs>/analyse/{kind}-{key}/{file}.log",
    conda:
        "../envs/deep.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(60),
        in_turn=1,
    shell:
        RUN


rule onnx:
    """A trained model with its preprocessing as an ONNX graph."""
    input:
        SESSION.made_of("onnx"),
    output:
        graph="<results>/onnx/{model}-{key}/model.onnx",
        check="<results>/onnx/{model}-{key}/check.json",
    log:
        "<logs>/onnx/{model}-{key}.log",
    conda:
        "../envs/deep.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(4000),
        runtime=SESSION.each_try(30),
        in_turn=1,
    shell:
        RUN
