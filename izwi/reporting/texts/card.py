"""A model card: what a model is, what it was trained on, how good it is and for whom."""

from __future__ import annotations

from typing import Any

from izwi.config.experiment.resolved import DatabaseSpec
from izwi.reporting import escaping
from izwi.reporting.numbers import interval, measured, worth
from izwi.reporting.record import Metrics, Record, database_names, members, versions
from izwi.reporting.texts import words
from izwi.reporting.texts.augmentation import in_folds, trained_on
from izwi.reporting.texts.citations import corpus_of
from izwi.reporting.texts.methods import interval_n, unit_of
from izwi.reporting.texts.words import listed
from izwi.training.types import TrainingReport
from izwi.wording import count

# Stages whose keys identify what the figures rest on.
STAGES = ("split", "train", "ensemble", "evaluate")


def card(
    record: Record,
    metrics: Metrics,
    training: TrainingReport | None,
    description: dict[str, Any],
) -> str:
    """The model card of an experiment, in Markdown.

    Args:
        record: content of experiment.json
        metrics: content of metrics.json
        training: report of the train stage, None without a model
        description: what `izwi.data.description.describe` found of the split
    """
    if training is None:
        data, limits = _data(record, description), _limits(metrics, description)
        return (
            f"# Data of {record['name']}\n\nNo model: the data are described, and nothing was "
            f"trained.\n\n## Data\n\n{data}\n\n## Limits\n\n{limits}\n\n## Environment\n\n"
            f"{_environment(record)}\n"
        )
    sections = {
        "Model": _model(record, training, description),
        "Intended use": _use(record),
        "Data": _data(record, description),
        "Figures": _figures(metrics),
        "Per class": _per_class(metrics),
        "Fairness": _fairness(metrics),
        "Calibration": _calibration(metrics),
        "Limits": _limits(metrics, description),
        "Environment": _environment(record),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)
    return f"# Model card: {record['name']}\n\n{body}\n"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(escaping.markdown_cell, line))} |" for line in lines)


def number(value: float | None) -> str:
    """As users read figures."""
    return measured(value)


def _model(record: Record, training: TrainingReport, description: dict[str, Any]) -> str:
    labels = description["labels"]
    task = (
        f"{record['target']}, one of {', '.join(labels)}"
        if labels
        else f"{record['target']}, a number"
    )
    fused = members(record)
    sets = listed(
        [words.feature_set(spec).words for spec in record["features"]]
        or [f"the predictions of {listed(fused)}"]
    )
    command = f"izwi predict --experiment {escaping.shell(record['name'])} my_voice.wav"
    trained = (
        "a model for each fold, none for all data: the figures are of the method, not of one model"
        if description["cross_validation"]
        else "the models of its members; izwi predict applies one of them at a time"
        if fused
        else f"{escaping.markdown_code(command)} applies it"
    )
    folds = description["folds"] if description["cross_validation"] else 0
    learned = (
        f"trained and tested on: {in_folds(training['counts'], folds)}"
        if folds
        else f"trained on: {trained_on(training['counts'])}"
    )
    lines = [
        f"- predicts: {task}",
        f"- from: {sets}",
        f"- by: {words.model(record['model']['type']).words}",
        f"- {learned}; details in methods.md",
        f"- to be had: {trained}",
    ]
    return "\n".join(lines)


def _use(record: Record) -> str:
    names = listed(database_names(record))
    return (
        f"For research: to see how well {record['target']} can be told from speech like that of "
        f"{names}. Not for decisions about people: how good it is for other speakers, languages, "
        "microphones and rooms is unknown."
    )


def _data(record: Record, description: dict[str, Any]) -> str:
    rows = []
    for database in record["databases"]:
        about = description["databases"].get(database["name"]) or {}
        if not about.get("samples"):
            continue
        header = about.get("header") or {}
        speakers = about["speakers"]
        minutes = about["minutes"]
        rows.append(
            [
                database["name"],
                header.get("version", ""),
                str(about["samples"]),
                "unknown" if speakers is None else str(speakers),
                "unknown" if minutes is None else f"{minutes:.1f}",
                _licence(database, header),
            ]
        )
    header_row = ["database", "version", f"{unit_of(description)}s", "speakers", "min", "licence"]
    return f"{table(header_row, rows)}\n\nPer class and part: table1.md."


def _licence(database: DatabaseSpec, header: dict[str, str]) -> str:
    if database["type"] == "demo":
        return "synthetic speech, made by izwi"
    if header.get("license"):
        return header["license"]
    corpus = corpus_of(database["name"])
    return f"{corpus.licence} (if it is {corpus.title})" if corpus else "not known here"


def _figures(metrics: Metrics) -> str:
    if metrics["value"] is None:
        return "No test sample has a truth, so there are none."
    rows = [
        [
            f"**{name}**" if name == metrics["measure"] else name,
            number(value),
            interval(metrics["intervals"][name]),
        ]
        for name, value in metrics["metrics"].items()
        if value is not None
    ]
    runs = f"; mean of {metrics['runs']} runs" if metrics["runs"] > 1 else ""
    reasons = metrics.get("interval_reasons") or {}
    lacking = "".join(f" No interval of {name}: {why}." for name, why in reasons.items())
    beside = worth(metrics, metrics["measure"], number)
    by = f"; interval by {metrics['ci_method']}" if any(row[2] for row in rows) else ""
    return (
        f"{table(['measure', 'value', '95 % interval'], rows)}\n\n{interval_n(metrics)}"
        f"{by}{runs}. The headline is {metrics['measure']}"
        f"{f' ({beside})' if beside else ''}.{lacking}"
    )


def _per_class(metrics: Metrics) -> str:
    if not metrics["per_class"]:
        return ""
    rows = [
        [name, *(number(about[key]) for key in ("recall", "precision", "f1")), str(about["n"])]
        for name, about in metrics["per_class"].items()
    ]
    return table(["class", "recall", "precision", "F1", "n"], rows)


def _fairness(metrics: Metrics) -> str:
    blocks = []
    for column, about in metrics["fairness"].items():
        rows = [
            [
                group,
                number(own["value"]),
                interval(own["ci"]),
                str(own["n"]),
                "unknown" if own["n_speakers"] is None else str(own["n_speakers"]),
            ]
            for group, own in about["groups"].items()
        ]
        header = [column, metrics["measure"], "95 % interval", "n", "speakers"]
        p = "" if about["p"] is None else f"p = {number(about['p'])}, "
        blocks.append(f"{table(header, rows)}\n\nGap {number(about['gap'])}: {p}{about['test']}.")
    if not blocks and metrics["value"] is not None:
        return "Neither sex nor age nor language of several groups is known in the test set."
    return "\n\n".join(blocks)


def _calibration(metrics: Metrics) -> str:
    about = metrics["calibration"]
    if not about or about["ece"] is None:
        return ""
    boasts = about["mean_confidence"] > about["accuracy"]
    return (
        f"Expected calibration error {number(about['ece'])}, Brier score {number(about['brier'])}. "
        f"Mean confidence {number(about['mean_confidence'])} against an accuracy of "
        f"{number(about['accuracy'])}: it is {'too' if boasts else 'not too'} sure of itself."
    )


def _limits(metrics: Metrics, description: dict[str, Any]) -> str:
    lines = list(metrics["warnings"])
    if metrics["transductive"]:
        lines.append(
            "transductive: the features of test samples took part in their scaling, so figures for "
            "single new recordings are not these"
        )
    if description["shared_speakers"] is None:
        lines.append("speakers are not all known, so training and test may share some")
    elif description["shared_speakers"]:
        lines.append(
            f"{count(description['shared_speakers'], 'speaker')} in both training and test: new "
            "speakers will be recognised worse"
        )
    return "\n".join(f"- {' '.join(line.split())}" for line in lines) or "No warning was given."


def _environment(record: Record) -> str:
    keys = ", ".join(f"{s} `{record['stages'][s]['key']}`" for s in STAGES if s in record["stages"])
    return f"izwi {record['izwi']}; {versions(record)}. Seed {record['seed']}. Keys: {keys}."
