"""The sentences of the methods text on a model and its training."""

from __future__ import annotations

from typing import Any

from izwi.reporting.numbers import rounded
from izwi.reporting.record import Metrics, Record
from izwi.reporting.texts import words
from izwi.reporting.texts.citations import Cites
from izwi.reporting.texts.words import listed
from izwi.training.tuning import suggests
from izwi.training.types import TrainingReport
from izwi.wording import count

# Of the warning of a model that has no inner folds to calibrate on.
ON_THEMSELVES = "calibrated on the samples the model was trained on"


def of_model(record: Record, metrics: Metrics, training: TrainingReport, cites: Cites) -> list[str]:
    """The model, what was searched over, and how it was trained.

    Args:
        record: content of experiment.json
        metrics: content of metrics.json
        training: content of training.json
        cites: collects what is cited
    """
    spec = record["model"]
    named = words.model(spec["type"])
    version = record["packages"].get(named.package) if named.package else None
    by = f" in {named.title} {version}" if version else ""
    options = dict(spec["options"])
    for name in _idle(options):
        options.pop(name, None)
    weighted = options.pop("class_weight", False)
    pretrained = options.get("pretrained_model")
    tune = record["learning"].get("tune") or {}
    tuned = tune.get("values", {}) | tune.get("ranges", {})
    options = {name: value for name, value in options.items() if name not in tuned}
    settings = words.settings("MODEL", spec["type"], options)
    cited = cites(*named.keys) if named.keys else ""
    sentences = [
        f"The model was {named.words}{cited}{by}" + (f" ({settings})." if settings else ".")
    ]
    if pretrained:
        sentences.append(f"Training started from the weights of {words.place(str(pretrained))}.")
    if weighted and "class_weight" not in tuned:
        sentences.append("Classes were weighted by their inverse frequency in training.")
    if spec["type"] == "svm":
        sentences.append(
            "Its probabilities were coupled from those of pairs of classes, which came from "
            f"sigmoids{cites('platt1999probabilistic')} fitted on {_calibrated_on(training)}."
        )
    if spec["type"] == "linear_svm":
        sentences.append(
            "Its probabilities came from sigmoids of the decision values"
            f"{cites('platt1999probabilistic')} fitted on {_calibrated_on(training)}, "
            "normalised to the sum 1."
        )
    sentences += _out_of_core(spec["type"], training)
    if tuned:
        sentences += _tuning(record, metrics, cites)
    sentences += _learning(record, training)
    if record["learning"].get("calibrate"):
        also = ", the same that chose the epoch" if _by_epoch(training) else ""
        sentences.append(
            "The probabilities were then scaled by a temperature"
            f"{cites('guo2017calibration')} fitted on the development samples{also}."
        )
    sentences += _runs(training)
    return sentences


def _out_of_core(kind: str, training: TrainingReport) -> list[str]:
    """How rows were fitted that were read from the disk."""
    folds = [fold for run in training["runs"] for fold in run["folds"]]
    if not any(fold.get("out_of_core") for fold in folds):
        return []
    some = "" if all(fold.get("out_of_core") for fold in folds) else " in the larger folds"
    return [
        f"The training samples were read from the disk{some} in single precision, a block at a "
        f"time{_BLOCKS.get(kind, '')}."
    ]


_BLOCKS = {
    "xgb": ", for quantiles of the features that were approximated over the blocks",
    "xgr": ", for quantiles of the features that were approximated over the blocks",
    "logreg": ", and L-BFGS minimised the sum of the loss over them",
    "linear_svm": ", and L-BFGS minimised the sum of the loss over them",
    "lin_reg": ", for an orthogonal decomposition of all samples",
    "ridge": ", for the normal equations of all samples",
}


def _calibrated_on(training: TrainingReport) -> str:
    """The samples that sigmoids were fitted on."""
    folds = "inner folds of the training samples"
    told = [line for line in training.get("warnings", ()) if ON_THEMSELVES in line]
    if not told:
        return folds
    single = "a single one"
    if not any("single" in line for line in told):
        single = "those of one recording only"
    if sum(len(run["folds"]) for run in training["runs"]) == 1:
        return "the training samples themselves, since a class had " + single
    return f"{folds}, in folds with a class of {single} on these themselves"


def _idle(options: dict[str, Any]) -> list[str]:
    """Options without effect beside the others, or mentioned elsewhere."""
    idle = ["measure"]
    if options.get("kernel") not in (None, "poly"):
        idle.append("degree")
    if options.get("optimizer") != "sgd":
        idle.append("momentum")
    if "validation_split" in options and not options.get("early_stopping_rounds"):
        idle += ["validation_split", "eval_metric"]
    if options.get("loss") != "focal":
        idle += ["focal.gamma", "focal.alpha"]
    if "scheduler" in options:
        kind = options["scheduler"]
        idle += ["scheduler.step_size"] * (kind != "step")
        idle += ["scheduler"] * (kind == "none")
        idle += [name for name in ("feature_noise", "max_grad_norm") if options.get(name) == 0]
    return idle


_SEARCHES = {
    "grid": "",
    "random": " drawn at random",
    "halving": " with successive halving, the best third going on with three times the samples",
    "tpe": " that a tree-structured Parzen estimator suggested",
}


def _tuning(record: Record, metrics: Metrics, cites: Cites) -> list[str]:
    """The nested search, its choice, and how optimistic its own score is."""
    tune = record["learning"]["tune"]
    found = metrics["tuning"]
    searches = found["searches"]
    tuned = {name: ", ".join(map(words.value_text, v)) for name, v in tune["values"].items()}
    for name, (low, high, scale) in tune.get("ranges", {}).items():
        spread = f"{words.value_text(low)} to {words.value_text(high)}"
        tuned[name] = spread + ", logarithmic" * (scale == "log")
    names = listed([f"{name} ({values})" for name, values in sorted(tuned.items())])
    n = len(searches[0]["candidates"])
    how = _SEARCHES[tune.get("strategy", "grid")]
    if tune.get("strategy") == "tpe":
        if suggests(tune):
            how += f"{cites('bergstra2011tpe')} (Optuna {record['packages'].get('optuna')}"
            how += f"{cites('akiba2019optuna')})"
            n = max(len(search["candidates"]) for search in searches)
        else:
            how = ""
    folds = sorted({search["folds"] for search in searches})
    inner = f"{folds[0]} to {folds[-1]}" if len(folds) > 1 else f"{folds[0]}"
    kept = words.kept_apart(search["unit"] for search in searches)
    each = (
        f", in each of {len(searches)} searches, one for each fold and run," if searches[1:] else ""
    )
    sentences = [
        f"{names} {'was' if len(tuned) == 1 else 'were'} chosen by a nested search{each} over "
        f"{'up to ' * (how != '' and len({len(s['candidates']) for s in searches}) > 1)}"
        f"{count(n, 'combination')}{how}, by the mean {found['measure'].upper()} "
        f"on {inner} inner folds of the training samples, {kept}."
    ]
    chosen = [
        ", ".join(f"{name} = {words.value_text(value)}" for name, value in row["values"].items())
        + (f" ({count(row['n'], 'time')})" if len(searches) > 1 else "")
        for row in found["chosen"]
    ]
    sentences.append(f"The search{'es' * bool(searches[1:])} chose {'; '.join(chosen)}.")
    if found["outer"] is not None:
        sentences.append(
            f"The inner score was {rounded(found['inner'])}; on test samples, the same models "
            f"scored {rounded(found['outer'])} (optimism {rounded(found['optimism'])})."
        )
    return sentences


def _learning(record: Record, training: TrainingReport) -> list[str]:
    learned = record["learning"]
    sentences = []
    if "submodel" in learned:
        sentences.append(f"A separate model was trained for each value of {learned['submodel']}.")
    if "self_training" in learned:
        own = learned["self_training"]
        sentences.append(
            "Samples without a label received the label that the model gave them with a "
            f"probability above {own['threshold']:g}, in at most "
            f"{count(own['rounds'], 'round')} of self-training."
        )
        for fit in training.get("self_training", ()):
            taken = sum(n for step in fit["rounds"] for n in step["added"].values())
            said = f"This labelled {taken} of {count(fit['pool'], 'sample')}."
            sentences += [] if said in sentences else [said]
    early = [line for line in training.get("notes", ()) if line.startswith("early stopping")]
    dev = any(fold["n_dev"] for run in training["runs"] for fold in run["folds"])
    if dev:
        where = " set aside from the training part" if early else ""
        decided = ["which epoch was kept"] if _by_epoch(training) else []
        decided += ["how many trees were kept"] if _by_epoch(training, "trees") else []
        decided += ["which run was best"] if len(training["runs"]) > 1 else []
        if decided:
            sentences.append(f"Development samples{where} decided {listed(decided)}.")
        elif not learned.get("calibrate"):
            sentences.append(f"Development samples{where} decided nothing.")
    return sentences


def _by_epoch(training: TrainingReport, what: str = "best_epoch") -> bool:
    """Whether dev rows chose the epoch of some model, or what else its report names."""
    folds = [fold for run in training["runs"] for fold in run["folds"]]
    return any(fold["n_dev"] and what in fold for fold in folds)


def _runs(training: TrainingReport) -> list[str]:
    seeds = [run["seed"] for run in training["runs"]]
    if len(seeds) == 1:
        deterministic = any("is deterministic" in line for line in training.get("notes", ()))
        return ["The fit did not depend on the seed."] if deterministic else []
    return [
        f"The model was trained {len(seeds)} times, with the seeds {seeds[0]} to {seeds[-1]}; "
        "figures are means over these runs."
    ]
