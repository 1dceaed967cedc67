"""A Methods section that says what an experiment did, from its records alone.

Citations are written as pandoc reads them: ``[@key]``, a key of references.bib.
"""

from __future__ import annotations

import re
from typing import Any

from izwi import models
from izwi.config.experiment.resolved import ComponentSpec, SplitSpec
from izwi.preprocessing.balancing import NOT_APPLIED
from izwi.preprocessing.scalers import FILLS, SCALERS, Scaler
from izwi.reporting.record import Metrics, Record, members, units_behind
from izwi.reporting.texts import augmentation, ensembles, predicted, words
from izwi.reporting.texts.citations import IZWI, Cites, entries
from izwi.reporting.texts.databases import contributed, mean, unit_of
from izwi.reporting.texts.model_methods import of_model
from izwi.reporting.texts.words import listed
from izwi.splits.checks import DIFFERENT_PEOPLE
from izwi.splits.strategies import STRATEGIES, Strategy
from izwi.training.types import TrainingReport
from izwi.wording import count


def methods(
    record: Record,
    metrics: Metrics,
    training: TrainingReport | None,
    description: dict[str, Any],
    cites: Cites,
) -> str:
    """The Methods section of an experiment, in Markdown.

    Args:
        record: content of experiment.json
        metrics: content of metrics.json
        training: report of the train stage, None without a model
        description: what `izwi.data.description.describe` found of the split
        cites: takes what is cited
    """
    paragraphs = {
        "Data": _data(record, description, cites),
        "Predicted properties": predicted.sentences(record, cites),
        "Split": _split(record, metrics, description),
        "Features": _features(record, training, cites) if record["features"] else [],
        **(_learned(record, metrics, training, cites) if training else {}),
        "Further": _further(record, cites),
        "Software": _software(record, training, cites),
    }
    body = "\n\n".join(
        f"**{title}.** {' '.join(sentences)}"
        for title, sentences in paragraphs.items()
        if sentences
    )
    return f"# Methods of {record['name']}\n\n{body}\n"


def _learned(
    record: Record, metrics: Metrics, training: TrainingReport, cites: Cites
) -> dict[str, list[str]]:
    if members(record):
        return {
            "Ensemble": ensembles.sentences(record, training, cites),
            "Evaluation": _evaluation(record, metrics, cites),
        }
    return {
        "Preprocessing": _preprocessing(record, training, cites),
        "Model": of_model(record, metrics, training, cites),
        "Evaluation": _evaluation(record, metrics, cites),
    }


# ------------------------------------------------------------------------ data


def _data(record: Record, description: dict[str, Any], cites: Cites) -> list[str]:
    target = record["target"]
    labels = description["labels"]
    if labels:
        sentences = [
            f"The target was *{target}* with {count(len(labels), 'class', 'classes')} "
            f"({', '.join(labels)})."
        ]
    else:
        spread = mean(description["target"])
        sentences = [f"The target was *{target}*, a number (of all used samples: {spread})."]
    for database in record["databases"]:
        about = description["databases"].get(database["name"])
        if about and about.get("samples"):
            sentences.append(contributed(database, about, description, cites))
    if bins := record["load"]["bins"]:
        limits = ", ".join(f"{limit:g}" for limit in bins)
        sentences.append(f"The values of {target} were binned at the limits {limits}.")
    elif record["load"]["continuous"]:
        sentences.append(
            f"The values of {target} were binned by quantiles of the training samples."
        )
    if description["unused"]:
        sentences.append(
            f"{count(description['unused'], unit_of(description))} took part in "
            "neither training nor testing."
        )
    return sentences


def _total(description: dict[str, Any]) -> dict[str, Any]:
    """Cell of all tested rows."""
    cells = {cell["part"]: cell for cell in description["parts"] if cell["class"] is None}
    return cells.get("all") or cells.get("test") or next(iter(cells.values()))


# ----------------------------------------------------------------------- split


def _split(record: Record, metrics: Metrics, description: dict[str, Any]) -> list[str]:
    spec = record["split"]
    cells = {cell["part"]: cell for cell in description["parts"] if cell["class"] is None}
    if description["cross_validation"]:
        parts = [_folds(spec, description), *_afterwards(spec, folds=True), *_unusable(metrics)]
        return [*parts, *_sharing(description, metrics, folds=True), *_audit(metrics)]
    sentences = []
    if spec["strategy"] == "cross_data":
        trains, tests = listed(spec["trains"] or []), listed(spec["tests"] or [])
        sentences.append(f"Training was on {trains} and testing on {tests}.")
    else:
        sentences += [
            _strategy(name, own, description["databases"].get(name) or {}, spec, metrics["notes"])
            for name, own in spec["databases"].items()
        ]
    sizes = [
        count(cells[part]["samples"], unit_of(cells[part]))
        + (
            f" of {count(cells[part]['speakers'], 'speaker')}"
            if cells[part]["speakers"] is not None
            else ""
        )
        + f"{_unlabelled(cells[part], description)} for {what}"
        for part, what in (("train", "training"), ("dev", "development"), ("test", "testing"))
        if part in cells
    ]
    sentences += _afterwards(spec, folds=False)
    sentences.append(f"This gave {listed(sizes)}.")
    sentences += _unusable(metrics)
    return [*sentences, *_sharing(description, metrics, folds=False), *_audit(metrics)]


def _unusable(metrics: Metrics) -> list[str]:
    """How many of the samples that were counted had no usable audio."""
    parts = (metrics.get("excluded") or {}).get("parts", {})
    lost = {part: n for part, n in parts.items() if part != "unused"}
    if not lost:
        return []
    words = {"train": "training", "dev": "development", "test": "testing"}
    told = [f"{lost[part]} for {what}" for part, what in words.items() if part in lost]
    total = sum(lost.values())
    were, their = ("was", "its") if total == 1 else ("were", "their")
    who = listed(told) if told else str(total)
    return [f"Of these, {who} {were} left out, since {their} audio could not be used."]


def _afterwards(spec: SplitSpec, folds: bool) -> list[str]:
    """What was left out of the parts by ``EXP.compatibility``."""
    asked = spec.get("afterwards") or {}
    words = []
    if number := asked.get("limit_samples"):
        words.append(f"at most {count(number, 'sample')}, drawn at random,")
    if number := asked.get("limit_samples_per_speaker"):
        words.append(f"at most {count(number, 'sample')} of a speaker, drawn at random,")
    for column, values in asked.get("filter") or []:
        words.append(f"those whose {column} was {' or '.join(map(str, values))}")
    of = "Before the folds were made, of all samples" if folds else "Of each part"
    return [f"{of} only {listed(words)} were kept."] if words else []


def _unlabelled(whole: dict[str, Any], description: dict[str, Any]) -> str:
    """`` (52 without a label)``, empty where all rows of a part have one."""
    known = (whole.get("target") or {"n": 0})["n"]
    if description["labels"]:
        cells = [cell for cell in description["parts"] if cell["part"] == whole["part"]]
        known = sum(cell["samples"] for cell in cells if cell["class"] is not None)
    without = whole["samples"] - known
    return f" ({without} without a label)" if without else ""


def _audit(metrics: Metrics) -> list[str]:
    """What the leakage audit found, by its gravest."""
    findings = metrics.get("audit")
    if findings is None:
        return []
    grave = [finding["kind"] for finding in findings if finding["grade"] in ("leak", "cue")]
    when = "The split" if metrics.get("n_train") == 0 else "Before training, the split"
    text = f"{when} was audited for leakage"
    if not grave:
        return [f"{text}, and nothing was found that could have inflated the figures."]
    kinds = list(dict.fromkeys(kind.replace("_", " ") for kind in grave))
    return [f"{text}; what was found may have inflated the figures ({', '.join(kinds)})."]


def _folds(spec: SplitSpec, description: dict[str, Any]) -> str:
    whole = _total(description)
    parts = {cell["part"] for cell in description["parts"]}
    n = description["folds"]
    unit = unit_of(description)
    if spec["logo"]:
        alone = whole["speakers"] == n and description["shared_speakers"] == 0
        kind = (
            f"leave-one-speaker-out cross-validation with {n} folds"
            if alone
            else f"cross-validation with {n} groups of speakers, each of which was left out once"
        )
    else:
        kind = f"stratified {n}-fold cross-validation"
    rows = [c["samples"] for c in description["parts"] if c["part"].startswith("fold ")]
    sizes = ""
    if rows and "all" in parts:
        sizes = f"; each fold had {min(rows)} to {max(rows)} {unit}s"
        if min(rows) == max(rows):
            sizes = f"; each fold had {count(rows[0], unit)}"
    without = _unlabelled(whole, description)
    return (
        f"The evaluation was a {kind}{sizes}. Each of the {count(whole['samples'], unit)}{without} "
        "was tested once, by a model trained on other folds."
    )


def _strategy(
    name: str, own: dict[str, Any], about: dict[str, Any], spec: SplitSpec, notes: list[str]
) -> str:
    """How a database was split, by what is in its parts."""
    parts = about.get("parts") or {}
    if not parts.keys() - {"unused"}:
        return f"Nothing of {name} was used."
    if len(parts) == 1:
        return STRATEGIES[next(iter(parts))].words.format(name=name)
    strategy = own["split_strategy"]
    elsewhere = bool(spec.get("tests")) and name not in (spec.get("tests") or [])
    fate = "set aside, for neither training nor testing" if elsewhere else "held out for testing"
    only = own.get("only")
    confined = "; the others were not used" if only == "test" else ""
    if isinstance(strategy, list):
        who, were = ("Speakers", "were") if strategy[1:] else ("Speaker", "was")
        return f"{who} {_ids(strategy)} of {name} {were} {fate}{confined}."
    if strategy is None:
        tables = any(f"{name}: no split_strategy, taken from its own" in line for line in notes)
        strategy = "database" if tables else "speaker_split"
    known = STRATEGIES.get(strategy, Strategy("The split of {name} followed the strategy {other}."))
    unused = "; its test part was not used" if elsewhere and "{fate}" not in known.words else ""
    if only:
        unused = f"; its {'training' if only == 'test' else 'test'} part was not used"
    return (
        known.words.format(
            name=name,
            size=(size := _drawn(own, parts, known, "unused" if elsewhere else "test", spec)),
            were="was" if size.startswith("1 of ") else "were",
            fate=fate,
            alike=listed(list(own.get("balance") or {})) or "the target",
            within=" within classes" if own.get("stratify") else "",
            tested=f" ({'; '.join(stated)})" if (stated := _stated(own)) else "",
            column=f"its column {own['split_column']}"
            if own.get("split_column")
            else "one of its columns",
            other=strategy,
        ).removesuffix(".")
        + f"{unused}."
    )


def _stated(own: dict[str, Any]) -> list[str]:
    """The speakers of the parts that an ini names, but for training, which are the many."""
    words = {"test": "test", "dev": "development"}
    return [f"{word}: {_ids(own[part])}" for part, word in words.items() if own.get(part)]


def _ids(speakers: list[Any]) -> str:
    """Ids as the data most likely write them: 8.0 in an ini is speaker 8."""
    return listed([re.sub(r"^([0-9]+)\.0+$", r"\1", str(speaker)) for speaker in speakers])


def _drawn(
    own: dict[str, Any],
    parts: dict[str, dict[str, int | None]],
    strategy: Strategy,
    part: str,
    spec: SplitSpec,
) -> str:
    """``2 of 9 speakers (30 % were requested)``: speakers or rows that were drawn."""
    unit = "speakers" if strategy.speakers else "samples"
    if spec.get("afterwards"):
        # Some of those that were drawn are no longer there.
        share = own.get("test_size")
        return f"{share:g} % of the {unit}" if share else f"some of the {unit}"
    counts = [found[unit] or 0 for found in parts.values()]
    drawn = (parts.get(part) or {unit: 0})[unit] or 0
    asked = f" ({own['test_size']:g} % were requested)" if own.get("test_size") else ""
    return f"{drawn} of {count(sum(counts), unit.removesuffix('s'))}{asked}"


def _sharing(description: dict[str, Any], metrics: Metrics, *, folds: bool) -> list[str]:
    shared = description["shared_speakers"]
    if shared is None:
        return ["Not all speakers were known, so the training and the test set may share some."]
    where = "in more than one fold" if folds else "in both the training and the test set"
    told = [*metrics.get("notes", ()), *metrics.get("warnings", ())]
    if shared == 0:
        if any(DIFFERENT_PEOPLE in line for line in told):
            where += ", if equal ids in different databases stand for different people"
        return [f"No speaker was {where}."]
    were = f"{count(shared, 'speaker')} {'was' if shared == 1 else 'were'}"
    return [f"{were} {where}, so the test was not speaker-independent."]


# -------------------------------------------------------------------- features


def _features(record: Record, training: TrainingReport | None, cites: Cites) -> list[str]:
    sets = []
    for spec in record["features"]:
        named = words.feature_set(spec)
        version = record["packages"].get(named.package) if named.package else None
        by = f"{named.title} {version}" if version else ""
        options = _own_settings(spec)
        inside = "; ".join(filter(None, [by, options]))
        cited = cites(*named.keys) if named.keys else ""
        sets.append(f"{named.words}{cited}{f' ({inside})' if inside else ''}")
    total = training.get("n_features") if training else None
    text = f"The features were {listed(sets)}"
    # Recordings and frames are no features yet.
    if total and not {"wave", "xbow"} & {spec["type"] for spec in record["features"]}:
        text += f", with {count(total, 'value')} per sample{' in all' if len(sets) > 1 else ''}"
    chosen = record["preprocessing"]["features"]
    sentences = [f"{text}."]
    if chosen:
        sentences.append(f"Of these, {len(chosen)} were used: {', '.join(chosen)}.")
    return sentences


def _own_settings(spec: ComponentSpec) -> str:
    """Options that the words of a feature set do not mention."""
    named = ("set", "level", "import_file", "import_files_append")
    rest = {
        name: value
        for name, value in spec["options"].items()
        if name not in named and not name.endswith((".layer", ".pooling"))
    }
    return words.settings("FEATS", spec["type"], rest)


def _preprocessing(record: Record, training: TrainingReport, cites: Cites) -> list[str]:
    folds = max((fold["fold"] for run in training["runs"] for fold in run["folds"]), default=0)
    of = "the training samples of each fold" if folds else "the training samples"
    of += " and their copies" if training["counts"].get("augmented") else ""
    scale = record["preprocessing"]["scale"]
    bags = record["preprocessing"].get("bags")
    if scale == "speaker":
        sentences = [
            "The features were standardised speaker by speaker over all samples of that speaker in "
            "the same part, test speakers included. This step was transductive: a test sample was "
            "scaled with the help of the speaker's other test samples."
        ]
    else:
        known = SCALERS.get(scale or "none", Scaler(f"scaled ({scale})"))
        fitted = f", with parameters fitted on {of} alone" if known.fitted else ""
        sentences = [f"The features were {known.words}{fitted}."]
    if training.get("transductive") and scale != "speaker":
        sentences.append("The fit was transductive: it had seen the features of the test samples.")
    if any("undefined values" in line for line in training.get("warnings", ())):
        fill = record["preprocessing"].get("nan_strategy") or "median"
        by = FILLS[fill] if fill == "zero" else f"the {fill} of {of}"
        sentences.append(f"Undefined values were replaced by {by}.")
    if bags:
        sentences.insert(0, words.bags(bags, of))
    sentences = [*augmentation.sentences(record, training, cites), *sentences]
    kind = record["learning"].get("balancing")
    if kind:
        keys = ("chawla2002smote",) if "smote" in kind else ()
        version = record["packages"].get("imbalanced-learn")
        by = f" (imbalanced-learn {version})" if version else ""
        sentences.append(
            f"The classes of the training samples were then balanced by "
            f"{words.BALANCING.get(kind, kind)}{cites(*keys, 'lemaitre2017imblearn')}{by}."
        )
        if any(NOT_APPLIED in line for line in training.get("warnings", ())):
            sentences.append("Where that was impossible, they stayed as they were.")
    return sentences


# ------------------------------------------------------------------ evaluation


def _further(record: Record, cites: Cites) -> list[str]:
    """What stages say that have no paragraph of their own."""
    said = [unit["methods"] for _, unit in units_behind(record) if unit.get("methods")]
    for key in re.findall(r"\[@(\w+)\]", " ".join(said)):
        if key in entries():
            cites(key)
    return list(dict.fromkeys(said))


def _missing_classes(metrics: Metrics) -> list[str]:
    """Classes that test or training lacked, which means are not over, or a model cannot say."""
    counts = {label: about["n"] for label, about in (metrics.get("per_class") or {}).items()}
    absent = [label for label, n in counts.items() if not n]
    sentences = []
    if absent and (there := len(counts) - len(absent)):
        sentences.append(
            f"The test set had no sample of {listed(absent)}, so means over classes are over "
            f"{count(there, 'class', 'classes')}, of which guessing has a UAR of {1 / there:.3f}."
        )
    same = (
        re.search(r"^the model says ('.*'|one value) for every test", w) for w in _said(metrics)
    )
    for said in filter(None, same):
        answer = "the same number" if said[1] == "one value" else f"one answer, {said[1]},"
        sentences.append(f"The model gave {answer} for every test sample.")
    lines = (re.search(r"classes in test that train never sees: (.+)", w) for w in _said(metrics))
    for found in filter(None, lines):
        unseen = found[1].replace(" row", " sample")
        sentences.append(
            f"Some test samples were of classes of which their model had no training sample, so "
            f"that none of these could be right: {unseen}."
        )
    return sentences


def _said(metrics: Metrics) -> list[str]:
    return list(dict.fromkeys(metrics.get("warnings") or ()))


def _evaluation(record: Record, metrics: Metrics, cites: Cites) -> list[str]:
    measure = metrics["measure"]
    folds = " of all folds" if metrics["per_fold"] else ""
    cited = cites("lin1989ccc") if measure == "ccc" else ""
    sentences = [
        f"The measure was {words.MEASURES.get(measure, measure)}{cited}, computed over the pooled "
        f"predictions{folds} ({interval_n(metrics)})."
    ]
    method = metrics["ci_method"] or ""
    resamples = re.search(r"\((\d+)\)", method)
    speakers = metrics["n_speakers"]
    freedom = metrics.get("ci_df")
    why = (metrics.get("interval_reasons") or {}).get(measure)
    if metrics["ci"][0] is None:
        sentences.append(f"It has no interval{f' ({why})' if why else ''}.")
    elif method.startswith("jackknife") and freedom:
        scale = words.SCALES.get(measure, "logit scale")
        sentences.append(
            "Its 95 % interval was the t interval of the delete-one-speaker jackknife"
            f"{cites('efron1993bootstrap')} on the {scale}, with {freedom:.3g} "
            f"degree{'s' * (f'{freedom:.3g}' != '1')} of freedom from Kish's effective number of "
            "speakers; it holds for the model as it was fitted."
        )
    elif method.startswith("bootstrap") and resamples:
        of = "speakers" if "over speakers" in method else "samples"
        whole = ", each with all their samples," if of == "speakers" else ""
        sentences.append(
            f"Its 95 % interval was the percentile interval of {int(resamples[1]):,} resamples of "
            f"the {of}{whole} drawn with replacement{cites('davison1997bootstrap')}."
        )
        if of == "samples" and record["evaluation"]["ci"] == "auto":
            sentences.append(
                "Speakers could not be resampled, so it does not show how the figure would vary "
                "with other speakers."
            )
    sentences += _missing_classes(metrics)
    tested = [name for name, about in metrics["fairness"].items() if about["p"] is not None]
    if tested:
        sentences.append(
            f"Whether the measure differed by {listed(tested)} was tested by permuting the groups "
            "over speakers (two-sided)."
        )
    threshold = record["evaluation"].get("uncertainty_threshold")
    if threshold is not None and _rests_on_some(metrics, "certain"):
        sentences.append(
            "Figures are also given for the samples whose uncertainty was below "
            f"{threshold:g} alone."
        )
    how = record["evaluation"].get("combine_per_speaker")
    if how and _rests_on_some(metrics, "by_speaker"):
        way = "the mean" if how == "mean" else "the majority"
        sentences.append(
            f"Figures are also given by speaker, with {way} of a speaker's predictions as one "
            "decision."
        )
    if metrics["few_speakers"]:
        known = "known " if metrics.get("unknown_speakers") else ""
        only = f"only {speakers} {known}test speakers"
        who = f"a single {known}test speaker" if speakers == 1 else only
        sentences.append(f"With {who}, the figures depend on who they are.")
    return sentences


def _rests_on_some(metrics: Metrics, part: str) -> bool:
    """Whether figures of a part of the samples, or of speakers, could be given."""
    found: Any = dict(metrics).get(part)
    return bool(found and found["n_evaluated"])


def interval_n(metrics: Metrics) -> str:
    """``n = 68 samples of 4 speakers``."""
    text = f"n = {count(metrics['n_evaluated'], 'sample')}"
    if metrics["n_speakers"] is None:
        return f"{text}, speakers unknown"
    if unknown := metrics.get("unknown_speakers"):
        return f"{text} of {count(metrics['n_speakers'], 'speaker')}, {unknown} of unknown ones"
    return f"{text} of {count(metrics['n_speakers'], 'speaker')}"


def _is_drawn(record: Record, training: TrainingReport) -> bool:
    """Whether a model was trained once, by chance."""
    kind, options = record["model"]["type"], record["model"]["options"]
    if len(training["runs"]) != 1 or members(record):
        return False
    return not models.model_class(kind).is_deterministic(options)


def _software(record: Record, training: TrainingReport | None, cites: Cites) -> list[str]:
    packages = record["packages"]
    names = ["python", "snakemake", "numpy", "pandas", "scipy", "scikit-learn"]
    names += sorted(name for name in packages if name not in (*names, "matplotlib", "pyarrow"))
    versions = [
        f"{words.TITLES.get(name, name)} {packages[name]}" for name in names if packages.get(name)
    ]
    # Those of several runs are said where the model is.
    trained = ", the training" if training and _is_drawn(record, training) else ""
    seeds = f"The seed of the split{trained} and the intervals was {record['seed']}"
    own = record["learning"].get("balancing_seed", record["seed"])
    if own != record["seed"]:
        seeds += f", and that of the balancing was {own}"
    text = f"Everything was run with izwi {record['izwi']}{cites(IZWI)}, a Snakemake workflow"
    return [
        f"{text}{cites('moelder2021snakemake')}, using {listed(versions)}.",
        f"{seeds}.",
    ]
