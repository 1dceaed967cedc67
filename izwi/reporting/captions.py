"""Captions of pictures, for the page of results and Snakemake's report."""

from __future__ import annotations

from collections.abc import Iterable

from izwi.config.experiment.resolved import ComponentSpec
from izwi.reporting.numbers import interval, measured, worth
from izwi.reporting.pictures import OF_METRICS
from izwi.reporting.record import Metrics, Record, database_names, members, model_shown
from izwi.reporting.texts.augmentation import in_folds, trained_on
from izwi.wording import count

# Picture of a grid or table; that of a table is called as the table is.
HEAT_MAP = "heat_map"
# Kind of picture, as its file is called → title, and what is seen. The longest that fits counts.
KINDS = {
    **{name: text for entry in OF_METRICS.values() for name, text in entry.pictures.items()},
    "confusion_matrix": (
        "Confusion matrix",
        "Truth in the rows, prediction in the columns; a cell has the number of samples and their "
        "share of the true class. The darker, the larger the share; the diagonal is right.",
    ),
    "confusion_matrix_binned": (
        "Confusion matrix of the binned values",
        "Truth and prediction of a regression, both put into bins; a cell has the number of "
        "samples and their share of the true bin.",
    ),
    "confusion_matrix_certain": (
        "Confusion matrix of what is certain",
        "Truth and prediction of the samples whose uncertainty is below the threshold; the figures "
        "of all samples are those of the other matrix.",
    ),
    "confusion_matrix_per_speaker": (
        "Confusion matrix of speakers",
        "Truth and decision of each speaker, whose predictions are combined into one; speakers "
        "with samples of several classes are left out.",
    ),
    "permutation": (
        "Importance of features",
        "How much worse the figure of the test set gets where the values of one feature change "
        "places, with the 95 % interval over speakers. Features that say the same stand in for "
        "each other.",
    ),
    "shap": (
        "SHAP values",
        "How much each feature moves the output of the trees on the test set, on average.",
    ),
    "regplot": (
        "Two features",
        "Each sample by two features, with a line of least squares for each group; the rank "
        "correlation is over the means of speakers, and corrected for the number of pairs.",
    ),
    "tree": (
        "Decision tree",
        "What the tree asks, from left to right, and what it says of the training samples that "
        "come so far; the upper branch is that of yes.",
    ),
    "ranking": (
        "Features that models rely on",
        "How much worse the figure of the test set gets where the values of one feature change "
        "places, as a mean over the models that are named.",
    ),
    "feature_correlation": (
        "Features with each other",
        "The rank correlation of the features that differ most between classes, over the means of "
        "speakers; bold where p, corrected for the number of pairs, is below 0.05.",
    ),
    "feature_distributions": (
        "Features by class",
        "The features that differ most between classes: samples as violins, means of speakers as "
        "dots; the test is on the means and corrected for the number of features.",
    ),
    "truth_prediction": (
        "Truth and prediction",
        "Each point is a sample of the test set: its prediction over its truth. On the dashed line "
        "both are equal.",
    ),
    "column_values": (
        "Columns of the data",
        "For each column the share of the samples that have a value, and the first of its values "
        "with the number of samples.",
    ),
    "value_counts": (
        "Distribution",
        "How many samples have each value, by part of the split and by group.",
    ),
    "value_counts_of": (
        "Distribution of one database",
        "How many samples of the database have each value of the target, by part of the split and "
        "by gender.",
    ),
    "tsne": (
        "t-SNE of the features",
        "Samples with similar features lie near each other. Distances between far groups and the "
        "sizes of groups mean nothing.",
    ),
    "umap": (
        "UMAP of the features",
        "Samples with similar features lie near each other. Distances between far groups and the "
        "sizes of groups mean little.",
    ),
    "pca": (
        "Principal components of the features",
        "Samples on the two directions in which the standardised features vary most.",
    ),
    "epoch_progression": (
        "Training by epoch",
        "Loss and measure on train and dev over the epochs; a dotted line marks the epoch whose "
        "model is kept.",
    ),
    "learning_curve": (
        "Learning curve",
        "The measure on train and test over the number of training samples: where the curve of the "
        "test still rises, more data would help.",
    ),
    "robustness": (
        "Degraded test samples",
        "The measure on copies of the test samples in noise, in rooms and the like, with its 95 % "
        "interval; a dotted line is the measure on the samples as recorded.",
    ),
    "runs_compare": (
        "Runs",
        "The value of each run of each experiment, with the mean and, from five runs on, the "
        "quartiles. Runs of one split differ by the seed of the model alone: how far they spread "
        "says nothing of other speakers.",
    ),
    HEAT_MAP: (
        "Heat map",
        "A cell per experiment with its value and, where it fits, the 95 % interval; the darker, "
        "the better. Where one option alone varies: the value over those of the option, with its "
        "interval; dotted: chance, dash-dotted: the baseline.",
    ),
}


def kind_of(stem: str) -> str | None:
    """Kind of a picture by its file's name without ending, None where it is not known."""
    fitting = [kind for kind in KINDS if stem == kind or stem.startswith(f"{kind}_")]
    return max(fitting, key=len, default=None)


def title(stem: str) -> str:
    """A heading such as ``t-SNE of the features: gender``."""
    kind = kind_of(stem)
    if kind is None:
        return stem.replace("_", " ").capitalize()
    rest = stem[len(kind) + 1 :].replace("_", " ")
    return KINDS[kind][0] + (f": {rest}" if rest else "")


def seen(stem: str) -> str:
    """What is seen in a picture, empty where that is not known."""
    kind = kind_of(stem)
    return KINDS[kind][1] if kind else ""


def data(record: Record, metrics: Metrics) -> str:
    """With which data and by which model, in a sentence.

    Args:
        record: content of experiment.json
        metrics: content of metrics.json
    """
    databases = " and ".join(database_names(record))
    by = " and ".join(map(feature_set, record["features"]))
    if fused := members(record):
        by = f"the predictions of {', '.join(fused)}"
    if not record["model"]["type"]:
        return f"{record['target']} of {databases}{by and f', {by}'}; no model: data only."
    speakers = metrics["n_speakers"]
    of = f" of {count(speakers, 'speaker')}" if speakers else ", speakers unknown"
    counts = {"train": metrics["n_train"], "augmented": metrics.get("n_augmented")}
    what = f"{record['target']} of {databases}, from {by} by {model_shown(record)}; "
    if folds := len(metrics.get("per_fold") or ()):
        return f"{what}{in_folds(counts | {'train': metrics['n_evaluated']}, folds, of=of)}."
    tested = f"{count(metrics['n_evaluated'], 'sample')}{of}"
    return f"{what}trained on {trained_on(counts)}, tested on {tested}."


def data_of_several(results: list[tuple[Record, Metrics]]) -> str:
    """With which data several experiments were made, in a sentence.

    Args:
        results: content of experiment.json and metrics.json of each
    """
    targets = _unique(record["target"] for record, _ in results)
    databases = _unique(base for record, _ in results for base in database_names(record))
    sizes = sorted({metrics["n_evaluated"] for _, metrics in results})
    size = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else str(sizes[0])
    each = f"{len(results)} experiments, each" if len(results) > 1 else "1 experiment,"
    return f"{' and '.join(targets)} of {' and '.join(databases)}; {each} tested on {size} samples."


def figure(metrics: Metrics) -> str:
    """The headline with its interval: ``UAR 0.614 [0.551, 0.672] (95 %, bootstrap …).``"""
    measure = metrics["measure"].upper()
    if metrics["value"] is None:
        return f"{measure}: none." if metrics["n_test"] else "No figures: nothing was trained."
    text = f"{measure} {measured(metrics['value'])}"
    limits = interval(metrics["ci"])
    if beside := worth(metrics, metrics["measure"], measured):
        text += f" ({beside})"
    why = (metrics.get("interval_reasons") or {}).get(metrics["measure"])
    if why:
        return f"{text}; no interval: {why}."
    narrow = f"; {doubt}" if (doubt := metrics.get("interval_doubt")) else ""
    return f"{text} {limits} (95 %, {metrics['ci_method']}{narrow})." if limits else f"{text}."


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def feature_set(spec: ComponentSpec) -> str:
    """A feature set with the options that say most of it, such as ``os (eGeMAPSv02)``."""
    options = spec["options"]
    says = [str(options[name]) for name in ("set", "model", "size") if options.get(name)]
    return f"{spec['type']} ({', '.join(says)})" if says else str(spec["type"])
