"""What people open: pictures, folders of experiments, tables, the page."""


rule plot:
    """One picture of an experiment."""
    input:
        SESSION.made_of("plot"),
    output:
        picture=SESSION.shown("picture", "<results>/experiments/{name}/plots/{plot}"),
        data="<results>/experiments/{name}/plots/{plot}.csv",
    log:
        "<logs>/plot/{name}/{plot}.log",
    conda:
        "../envs/umap.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(2000),
        runtime=SESSION.each_try(10),
        in_turn=1,
    shell:
        RUN


rule spotlight:
    """A page of the samples of an experiment."""
    input:
        SESSION.made_of("spotlight"),
    output:
        page="<results>/experiments/{name}/spotlight.html",
    log:
        "<logs>/spotlight/{name}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(2000),
        runtime=SESSION.each_try(10),
        in_turn=1,
    shell:
        RUN


rule experiment:
    """The folder of an experiment: figures, predictions, texts, and what it is made of."""
    input:
        SESSION.made_of("experiment"),
    output:
        metrics=SESSION.shown("metrics", "<results>/experiments/{name}/metrics.json"),
        predictions=SESSION.shown(
            "predictions", "<results>/experiments/{name}/predictions.csv"
        ),
        record=SESSION.shown("record", "<results>/experiments/{name}/experiment.json"),
        methods="<results>/experiments/{name}/methods.md",
        references="<results>/experiments/{name}/references.bib",
        table1_md="<results>/experiments/{name}/table1.md",
        table1_tex="<results>/experiments/{name}/table1.tex",
        model_card="<results>/experiments/{name}/model_card.md",
        citation="<results>/experiments/{name}/CITATION.cff",
    log:
        "<logs>/experiment/{name}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(10),
        in_turn=1,
    shell:
        RUN


rule summary:
    """One row for each experiment of the config."""
    input:
        SESSION.made_of("summary"),
    output:
        summary=SESSION.shown("summary", "<results>/summaries/{config}.csv"),
    log:
        "<logs>/summary/{config}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule grid:
    """The members of a grid side by side."""
    input:
        SESSION.made_of("grid"),
    output:
        table=SESSION.shown("table", "<results>/grids/{config}/{grid}/table.csv"),
        markdown=SESSION.shown("markdown", "<results>/grids/{config}/{grid}/table.md"),
        cells="<results>/plans/cells/grids/{config}/{grid}.json",
    log:
        "<logs>/grid/{config}/{grid}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule table:
    """A table of the config, and the tests behind its marks."""
    input:
        SESSION.made_of("table"),
    output:
        csv=SESSION.shown("csv", "<results>/tables/{config}/{table}.csv"),
        md=SESSION.shown("md", "<results>/tables/{config}/{table}.md"),
        tex="<results>/tables/{config}/{table}.tex",
        html="<results>/tables/{config}/{table}.html",
        tests="<results>/plans/tables/{config}/{table}-tests.json",
        cells="<results>/plans/cells/tables/{config}/{table}.json",
    log:
        "<logs>/table/{config}/{table}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule heat_map:
    """A grid or a table as a picture."""
    input:
        SESSION.made_of("heat_map"),
    output:
        picture=SESSION.shown("picture", "<results>/{place}/{picture}.{format}"),
    log:
        "<logs>/heat_map/{place}/{picture}.{format}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule runs_compare:
    """The runs of the experiments as a picture."""
    input:
        SESSION.made_of("runs_compare"),
    output:
        picture=SESSION.shown("picture", "<results>/runs/{config}/runs.{format}"),
        data="<results>/runs/{config}/runs.{format}.csv",
    log:
        "<logs>/runs_compare/{config}/runs.{format}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule comparisons:
    """The tests of all tables in one file."""
    input:
        SESSION.made_of("comparisons"),
    output:
        comparisons=SESSION.shown(
            "comparisons", "<results>/tables/{config}/comparisons.csv"
        ),
    log:
        "<logs>/comparisons/{config}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule overview:
    """One row for each experiment in the folder of results."""
    input:
        SESSION.made_of("overview"),
    output:
        overview=SESSION.shown("overview", "<results>/summary.csv"),
    log:
        "<logs>/overview/overview.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN


rule page:
    """All experiments, and the tables of the config, in one HTML file."""
    input:
        SESSION.made_of("page"),
    output:
        page="<results>/index.html",
    log:
        "<logs>/page/page.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=SESSION.each_try(1000),
        runtime=SESSION.each_try(30),
    shell:
        RUN
