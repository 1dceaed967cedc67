"""Draw plots."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import jobs
from izwi.files import atomic, read_json


def confusion_matrix(spec, inputs, path):
    """Truth against prediction, as counts and recalls."""
    from izwi import plots

    plots.confusion_matrix(read_json(inputs["metrics"]), path, spec["title"])


def truth_prediction(spec, inputs, path):
    """Predicted numbers over true ones."""
    import pandas as pd

    from izwi import plots

    predictions = pd.read_parquet(inputs["predictions"])
    plots.truth_prediction(predictions, read_json(inputs["metrics"]), path, spec["title"])


def value_counts(spec, inputs, path):
    """How the target is distributed over the parts."""
    from izwi import plots

    table, split = samples(inputs)
    labels = read_json(inputs["split_report"])["labels"] or None
    plots.value_counts(
        table.assign(part=split["part"], speaker=split["speaker"]),
        path,
        task=spec["task"],
        labels=labels,
        title=spec["title"],
    )


def tsne(spec, inputs, path):
    """Do the features separate the classes at all?"""
    import pandas as pd

    from izwi import plots, training

    tables = [pd.read_parquet(file) for file in inputs["tables"]]
    files = inputs["matrices"]
    per_table = len(files) // len(tables)
    matrices = [
        [pd.read_parquet(file) for file in files[i * per_table : (i + 1) * per_table]]
        for i in range(len(tables))
    ]
    table, features = training.stack(tables, matrices)
    split = pd.read_parquet(inputs["split"])
    used = (split["part"] != "").to_numpy()
    if names := spec["preprocessing"]["features"]:
        features = features[names]
    plots.tsne(
        features.to_numpy()[used],
        table["truth"].to_numpy()[used],
        split["part"].to_numpy()[used],
        path,
        spec["seed"],
        order=read_json(inputs["split_report"])["labels"] or None,
        title=spec["title"],
    )


def epoch_progression(spec, inputs, path):
    """Losses over the epochs of the best run."""
    from izwi import plots

    training = read_json(inputs["training"])
    run = training["runs"][training["best_run"] - 1]
    plots.epoch_progression(run["folds"][0], path, spec["title"])


def samples(inputs):
    """The rows of all tables, and the split of them."""
    import pandas as pd

    tables = [pd.read_parquet(file) for file in inputs["tables"]]
    return pd.concat(tables, ignore_index=True), pd.read_parquet(inputs["split"])


KINDS = {
    function.__name__: function
    for function in (confusion_matrix, truth_prediction, value_counts, tsne, epoch_progression)
}


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Draw one plot."""
    with atomic(unit.outputs["plot"]) as path:
        KINDS[unit.spec["kind"]](unit.spec, unit.inputs, path)


if "snakemake" in globals():
    jobs.run(snakemake, main)
