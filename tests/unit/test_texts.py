"""Texts for a paper: entries of references, words, LaTeX."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

from izwi import features, models, splits
from izwi.data import description
from izwi.evaluation import scoring
from izwi.models.svm import inner_folds
from izwi.reporting.texts import card, citations, methods, model_methods, table1, words

ENTRIES = citations.entries()


def test_every_entry_is_whole():
    text = (citations.HERE / "references.bib").read_text(encoding="utf-8")
    assert len(ENTRIES) == len(re.findall(r"^@", text, re.MULTILINE)) > 30
    for key, (kind, fields, block) in ENTRIES.items():
        assert kind in citations._KINDS, key
        assert {"author", "title", "year"} <= fields.keys(), key
        assert key.startswith(re.sub(r"[^a-z]", "", fields["author"].lower())[:2]) or "ö" in block
        assert fields["year"] in key, key
        assert block.count("{") == block.count("}"), key
        for line in block.splitlines()[1:-2]:
            assert line.endswith("},"), key
        if "doi" in fields:
            assert re.fullmatch(r"10\.\d{4,5}/\S+", fields["doi"]), key


def test_what_words_cite_is_there():
    named = [*words.MODELS.values(), *words.FEATURES.values()]
    keys = {key for n in named for key in n.keys} | set(words.SETS.values())
    keys |= {key for _, key in words.FAMILIES.values()}
    keys |= {key for _, several in words.NETWORKS.values() for key in several}
    keys |= {corpus.key for corpus in citations.CORPORA.values()}
    assert keys <= ENTRIES.keys()


@pytest.mark.parametrize("name", sorted(features.EXTRACTORS))
def test_every_feature_set_has_words(name):
    cls = features.extractor_class(name)
    options = {option.name: option.default for option in cls.options}
    assert words.feature_set({"type": name, "options": options}).words


def test_feature_sets_are_told_apart():
    def told(name, **options):
        cls = features.extractor_class(name)
        own = {option.name: option.default for option in cls.options}
        return words.feature_set({"type": name, "options": own | options})

    assert told("os", set="ComParE_2016").keys == ("schuller2016compare", "eyben2010opensmile")
    assert told("os", set="emobase").keys == ("eyben2010opensmile",)
    assert told("wavlm-large").words == (
        "embeddings of WavLM (microsoft/wavlm-large; last layer, mean over time)"
    )
    path = told("whisper", **{"whisper.model": "/home/me/models/whisper-tiny.en"}).words
    assert "(whisper-tiny.en; " in path and "/home" not in path


def test_a_new_model_is_named_by_its_docstring(monkeypatch):
    class New:
        """An oracle. It knows."""

    monkeypatch.setattr(models, "model_class", lambda kind: New)
    assert words.model("oracle").words == "`oracle` (An oracle. It knows)"
    assert all(words.model(name).words for name in words.MODELS)


def test_corpora_are_known_by_their_names():
    assert citations.corpus_of("emodb_audformat").title == "Berlin EmoDB"
    assert citations.corpus_of("CREMA-D").title == "CREMA-D"
    assert citations.corpus_of("my_emodb") is None


def test_headers_of_databases_are_told():
    header = {"name": "mine", "source": "https://example.org\nx", "author": "A. Person"}
    kinds = {"mine": "audformat", "emodb": "csv", "learned": "soft", "demo": "demo"}
    record = {"databases": [{"name": name, "type": kind} for name, kind in kinds.items()]}
    description = {"databases": {"mine": {"header": header}, "emodb": {}}}
    found = citations.bibliography(citations.Cites(), record, description)
    assert "% learned: predictions of another experiment" in found
    assert "% demo: the embedded synthetic speech of izwi" in found
    assert "% mine: add the reference of this database\n%   name: mine\n" in found
    assert "%   source: https://example.org x" in found
    assert "% emodb: taken for Berlin EmoDB by its name; check that it is this one" in found
    assert all(line.startswith("%") or not line for line in found.splitlines())


def test_own_citation_is_that_of_the_repository():
    about = yaml.safe_load(citations.CITATION.read_text(encoding="utf-8"))
    cites = citations.Cites()
    assert cites("izwi", "eyben2016gemaps") == " [@izwi; @eyben2016gemaps]"
    found = yaml.safe_load(citations.citation({"name": 'a "b": c'}, cites))
    assert found["title"] == 'Results of the experiment a "b": c'
    own, paper = found["references"]
    assert own["title"] == about["title"] and own["version"] == about["version"]
    assert paper["authors"][2] == {"family-names": "Schuller", "given-names": "Björn W."}
    assert (paper["type"], paper["issue"], paper["start"]) == ("article", "2", "190")
    with pytest.raises(KeyError):
        cites("nobody1900nothing")


def test_latex_takes_nothing_as_a_command():
    raw = r"50 % & _#$ {a} \b ~^ <i>" + "\n\n" + "ä–ł"
    assert table1.escape(raw) == (
        r"50 \% \& \_\#\$ \{a\} \textbackslash{}b \textasciitilde{}\textasciicircum{} "
        r"\textless{}i\textgreater{} ä--ł"
    )
    empty = {"samples": 1, "files": 1, "speakers": None, "sex": {}, "sex_unknown": 1}
    empty |= {"age": None, "minutes": None}
    description = {
        "parts": [{"part": "test", "class": "a_b", **empty}],
        "segments": False,
        "unit": "file",
        "unused": 2,
        "cross_validation": False,
    }
    record = {"name": "x y_1", "databases": [{"name": "d_1"}], "target": "emotion"}
    found = table1.latex(record, {}, description)
    assert r"test & 1 & -- & -- & -- & -- \\" in found
    description["parts"].append({"part": "test", "class": "all", **empty})
    lines = table1.latex(record, {}, description).splitlines()
    place = lines.index(r"\multicolumn{6}{@{}l}{\textit{test}} \\")
    assert lines[place + 1 : place + 3] == [
        r"a\_b & 1 & -- & -- & -- & -- \\",
        r"all & 1 & -- & -- & -- & -- \\",
    ]
    assert r"\label{tab:data-x-y-1}" in found and r"x y\_1 (d\_1; target" in found
    assert "2 further samples are in no part" in found


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"mean": 29.84, "sd": 4.16, "min": 21.0, "max": 35.0}, "29.8 (4.2), 21–35"),
        ({"mean": 0.5, "sd": 0.25, "min": 0.125, "max": 1.0}, "0.50 (0.25), 0.12–1"),
        ({"mean": 31.0, "sd": None, "min": 31.0, "max": 31.0}, "31"),
        (None, "–"),
    ],
)
def test_mean_deviation_and_range(values, told):
    assert table1.spread(values) == told


def test_located_options_are_left_out():
    found = words.settings("FEATS", "whisper", {"whisper.model": "/x", "whisper.layer": 2})
    assert found == "layer = 2"
    options = {"C_val": 1.0, "kernel": "linear", "gamma": "scale", "class_weight": False}
    assert words.settings("MODEL", "svm", options) == (
        "kernel = linear; by default C_val = 1, gamma = scale"
    )


def told(learning, metrics, training):
    """The paragraph about a model."""
    options = {"C_val": 1.0, "kernel": "rbf", "gamma": "scale", "degree": 3, "class_weight": True}
    record = {
        "model": {"type": "svm", "options": options},
        "learning": learning,
        "packages": {"scikit-learn": "1.0", "optuna": "5.0"},
    }
    return " ".join(model_methods.of_model(record, metrics, training, citations.Cites()))


RUNS = [
    {"run": 1, "seed": 5, "folds": [{"fold": 0, "n_dev": 0}]},
    {"run": 2, "seed": 6, "folds": [{"fold": 0, "n_dev": 4}]},
]


def test_a_tuned_model():
    tune = {"values": {"C_val": [0.1, 1.0], "class_weight": [True, False]}, "folds": 5}
    search = {"candidates": [{}] * 4, "folds": 5, "unit": "speakers"}
    tuning = {
        "measure": "uar",
        "inner": 0.654,
        "outer": 0.611,
        "optimism": 0.043,
        "chosen": [
            {"values": {"C_val": 0.1, "class_weight": True}, "n": 2},
            {"values": {"C_val": 1.0, "class_weight": True}, "n": 1},
        ],
        "searches": [search, search, search | {"folds": 3}],
    }
    found = told({"tune": tune, "calibrate": "temperature"}, {"tuning": tuning}, {"runs": RUNS})
    assert found == (
        "The model was a support vector machine [@pedregosa2011sklearn] in scikit-learn 1.0 (by "
        "default kernel = rbf, gamma = scale). Its probabilities were coupled from those of "
        "pairs of classes, which came from sigmoids "
        "[@platt1999probabilistic] fitted on inner folds of the training samples. C_val (0.1, 1) "
        "and class_weight (True, False) were chosen by a nested search, in each of 3 searches, one "
        "for each fold and run, over 4 combinations, by the mean UAR on 3 to 5 inner folds of the "
        "training samples, with speakers kept apart. The searches chose C_val = 0.1, "
        "class_weight = True (2 times); C_val = 1, class_weight = True (1 time). The inner score "
        "was 0.654; on test samples, the same models scored 0.611 (optimism 0.043). Development "
        "samples decided which run was best. The probabilities were then scaled by a temperature "
        "[@guo2017calibration] fitted on the development samples. The model was trained 2 "
        "times, with the seeds 5 to 6; figures are means over these runs."
    )


def test_a_model_tuned_by_tpe():
    tune = {"values": {"kernel": ["rbf", "linear"]}, "ranges": {"C_val": [0.01, 100.0, "log"]}}
    tune |= {"folds": 5, "strategy": "tpe", "n_iter": 20}
    search = {"candidates": [{}] * 20, "folds": 5, "unit": "speakers"}
    tuning = {"measure": "uar", "outer": None, "searches": [search]}
    tuning["chosen"] = [{"values": {"C_val": 0.5, "kernel": "rbf"}, "n": 1}]
    found = told({"tune": tune}, {"tuning": tuning}, {"runs": RUNS})
    assert (
        "C_val (0.01 to 100, logarithmic) and kernel (rbf, linear) were chosen by a nested search "
        "over 20 combinations that a tree-structured Parzen estimator suggested [@bergstra2011tpe] "
        "(Optuna 5.0 [@akiba2019optuna]), by the mean UAR on 5 inner folds"
    ) in found


def test_what_probabilities_were_calibrated_on_is_said():
    folds = {"runs": [{"folds": [{}]}]}
    usual = "inner folds of the training samples"
    assert model_methods._calibrated_on(folds) == usual
    _, warnings = inner_folds(np.array([0, 0, 1]), None)
    one = model_methods._calibrated_on(folds | {"warnings": warnings})
    assert one.startswith("the training samples themselves")
    several = {"runs": [{"folds": [{}, {}]}], "warnings": [f"fold 2: {warnings[0]}"]}
    assert model_methods._calibrated_on(several).startswith(f"{usual}, in folds with a class")


def test_options_that_do_nothing_are_left_out():
    boosted = {"validation_split": 0.2, "eval_metric": "auc"}
    assert set(boosted) <= set(model_methods._idle(boosted))
    assert not set(boosted) & set(model_methods._idle(boosted | {"early_stopping_rounds": 5}))
    options = {"loss": "cross", "focal.gamma": 2, "momentum": 0.9, "optimizer": "adamw"}
    assert model_methods._idle(options | {"measure": "uar"}) == [
        "measure",
        "momentum",
        "focal.gamma",
        "focal.alpha",
    ]
    assert model_methods._idle({"loss": "focal", "optimizer": "sgd", "kernel": "poly"}) == [
        "measure"
    ]


def test_a_model_of_several_kinds_of_learning():
    training = {
        "runs": RUNS[:1],
        "notes": ["svm is deterministic: fitted once, not 3 times"],
    }
    learning = {"submodel": "gender", "self_training": {"threshold": 0.9, "rounds": 10}}
    found = told(learning, {}, training)
    assert "Classes were weighted by their inverse frequency in training. " in found
    assert "A separate model was trained for each value of gender. " in found
    assert "with a probability above 0.9, in at most 10 rounds of self-training. " in found
    assert found.endswith("The fit did not depend on the seed.")


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        (None, []),
        ([], ["nothing was found that could have inflated the figures."]),
        ([{"kind": "texts", "grade": "note"}], ["nothing was found"]),
        (
            [{"kind": "padding_end", "grade": "cue"}, {"kind": "audio", "grade": "leak"}],
            ["what was found may have inflated the figures (padding end, audio)."],
        ),
    ],
)
def test_what_the_audit_found(findings, said):
    found = methods._audit({"audit": findings})
    assert len(found) == len(said)
    for line, expected in zip(found, said, strict=True):
        assert expected in line


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"train": 1}, "Of these, 1 for training was left out, since its audio"),
        ({"test": 2, "train": 3, "unused": 4}, "Of these, 3 for training and 2 for testing were"),
        ({"1": 1, "3": 2}, "Of these, 3 were left out, since their audio could not be used."),
        ({"unused": 4}, ""),
    ],
)
def test_rows_of_unusable_audio_are_no_part_of_the_counts(parts, said):
    (line,) = methods._unusable({"excluded": {"parts": parts}}) or [""]
    assert line.startswith(said) and bool(line) == bool(said)
    assert methods._unusable({}) == []


def people(database, speakers, each=4, **columns):
    """Rows of speakers who say ``a`` and ``b`` in turn."""
    n = speakers * each
    return pd.DataFrame(
        {
            "database": database,
            "file": [f"{i:03d}.wav" for i in range(n)],
            "start": pd.to_timedelta([0] * n),
            "end": pd.to_timedelta([pd.NaT] * n),
            "speaker": np.repeat([f"s{i}" for i in range(speakers)], each),
            "truth": ["a", "b"] * (n // 2),
            **columns,
        }
    )


def experiment(tables, seed=3, task="classification", **split):
    """Split, description and the words on data and split of an experiment."""
    names = [table["database"].iloc[0] for table in tables]
    given = split.pop("databases", {})
    spec = {"task": task, "target": "emotion", "seed": seed, "strategy": "train_test"}
    spec |= {"databases": {name: {"split_strategy": None} | given.get(name, {}) for name in names}}
    spec |= {"logo": None, "k_fold_cross": None, "labels": None, **split}
    made, report = splits.make_split(spec, tables)
    frame = pd.concat(tables, ignore_index=True)
    found = description.describe(frame, made, report["labels"] or None)
    for own in found["databases"].values():
        own["counts"] = {"listed": own["samples"], "dropped": {}}
    found["labels"] = report["labels"]
    record = {
        "target": "emotion",
        "split": spec,
        "databases": [{"name": name, "type": "csv", "options": {}} for name in names],
        "load": {"bins": None, "continuous": False},
    }
    metrics = {"notes": report["notes"]}
    cites = citations.Cites()
    said = methods._data(record, found, cites) + methods._split(record, metrics, found)
    return made, frame, " ".join(said)


def parts(made, name, part):
    """Speakers of a part of a database, and all of it, counted independently."""
    own = made[made["database"] == name]
    return own.loc[own["part"] == part, "speaker"].nunique(), own["speaker"].nunique()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("size", "speakers"), [(30.0, 9), (20.0, 10), (50.0, 5)])
def test_drawn_speakers_are_counted(seed, size, speakers):
    own = {"db": {"split_strategy": "speaker_split", "test_size": size}}
    made, _, said = experiment([people("db", speakers)], seed, databases=own)
    tested, every = parts(made, "db", "test")
    assert every == speakers
    drawn = f"{tested} of {speakers} speakers ({size:g} % were requested) were drawn at random"
    assert f"Of db, {drawn} and held out for testing." in said


def test_what_a_test_elsewhere_leaves_unused_was_not_tested():
    own = {"x": {"split_strategy": "speaker_split", "test_size": 40.0}}
    own |= {"y": {"split_strategy": "test"}}
    tables = [people("x", 10), people("y", 4)]
    made, _, said = experiment(tables, databases=own, tests=["y"])
    assert parts(made, "x", "test")[0] == 0 and parts(made, "x", "")[0] == 4
    assert "Of x, 4 of 10 speakers (40 % were requested) were drawn at random and set" in said
    assert "for neither training nor testing." in said and "All of y was used for testing." in said
    assert f"{(made['part'] == '').sum()} files took part in neither training nor testing." in said


def test_lists_of_an_unused_test_part_were_not_tested():
    tables = [people("x", 6), people("y", 4)]
    for strategy in ({"split_strategy": ["s1", "s2"]}, {"split_strategy": "specified"}):
        if strategy["split_strategy"] == "specified":
            tables[0]["part"] = ["train"] * 16 + ["test"] * 8
        own = {"x": strategy, "y": {"split_strategy": "test"}}
        made, _, said = experiment(tables, databases=own, tests=["y"])
        assert parts(made, "x", "test")[0] == 0 and parts(made, "x", "")[0] == 2
        assert "of x were held out for testing" not in said
        assert ("for neither training nor testing." in said) or ("test part was not used" in said)


@pytest.mark.parametrize("stratify", [True, False])
def test_stratified_rows_are_not_simply_drawn_at_random(stratify):
    own = {"db": {"split_strategy": "random", "test_size": 25.0, "stratify": stratify}}
    made, _, said = experiment([people("db", 5)], databases=own)
    n = (made["part"] == "test").sum()
    within = " within classes" if stratify else ""
    assert f"{n} of 20 samples (25 % were requested) were drawn at random{within}, whoever" in said


def test_balanced_speakers_are_counted():
    own = {"db": {"split_strategy": "balanced", "test_size": 30.0, "balance": {"gender": 1}}}
    table = people("db", 8, gender=["f", "m"] * 16)
    made, _, said = experiment([table], databases=own)
    tested, every = parts(made, "db", "test")
    assert (
        f"Of db, {tested} of {every} speakers (30 % were requested), chosen to balance gender, "
        "were held out for testing." in said
    )


def test_stated_speakers_and_a_strategy_of_its_own():
    own = {"db": {"split_strategy": "speakers_stated", "test": ["s1", "s2"]}}
    _, _, said = experiment([people("db", 6)], databases=own)
    assert "The speakers of each part of db were stated in advance (test: s1 and s2)." in said
    own["db"] |= {"test": ["s1"], "dev": ["s2", "s3"]}
    _, _, said = experiment([people("db", 6)], databases=own)
    assert "stated in advance (test: s1; development: s2 and s3)." in said
    parts_of = {"parts": {"train": {"samples": 3}, "test": {"samples": 1}}}
    strange = methods._strategy("db", {"split_strategy": "strange"}, parts_of, {}, [])
    assert strange == "The split of db followed the strategy strange."
    own = {"split_strategy": "column", "split_column": "session"}
    named = methods._strategy("db", own, parts_of, {}, [])
    assert named == "The split of db was given by its column session."


def test_own_tables_are_told_from_a_draw():
    table = people("db", 6, part=["train"] * 16 + ["test"] * 8)
    assert "The split of db was the one in its own tables." in experiment([table])[2]
    assert "drawn at random" in experiment([people("db", 6)])[2]


def test_a_database_all_in_one_part_and_one_unused():
    own = {"x": {"split_strategy": "train"}, "y": {"split_strategy": "test"}}
    said = experiment([people("x", 4), people("y", 3)], databases=own)[2]
    assert "All of x was used for training. All of y was used for testing." in said
    assert (
        "gave 16 files of 4 speakers for training and 12 files of 3 speakers for testing." in said
    )
    assert (
        methods._strategy("z", {"split_strategy": "train"}, {}, {}, []) == "Nothing of z was used."
    )


@pytest.mark.parametrize("folds", [{"logo": 4}, {"k_fold_cross": 3}])
def test_the_target_is_told_of_all_used_samples(folds):
    for split in ({}, folds):
        table = people("db", 8, truth=np.arange(32.0))
        made, frame, said = experiment([table], task="regression", **split)
        used = frame.loc[made["part"] != "", "truth"]
        assert f"mean {used.mean():.1f}, SD {used.std():.1f}, range 0–31" in said


@pytest.mark.parametrize(
    ("folds", "runs", "calibrate", "said"),
    [
        ({"n_dev": 5}, 1, None, "Development samples decided nothing."),
        ({"n_dev": 5}, 3, None, "Development samples decided which run was best."),
        ({"n_dev": 5, "best_epoch": 4}, 1, None, "decided which epoch was kept."),
        ({"n_dev": 5, "best_epoch": 4}, 2, None, "which epoch was kept and which run was best."),
        ({"n_dev": 0, "best_epoch": 4}, 2, None, ""),
        ({"n_dev": 5}, 1, "temperature", ""),
    ],
)
def test_what_development_samples_decided(folds, runs, calibrate, said):
    learned = {"calibrate": calibrate} if calibrate else {}
    training = {"runs": [{"folds": [folds]}] * runs, "notes": []}
    found = " ".join(model_methods._learning({"learning": learned}, training))
    assert found.endswith(said) and bool(found) == bool(said)
    assert model_methods._by_epoch(training) == (folds["n_dev"] > 0 and "best_epoch" in folds)


def evaluated(speakers=4, wrong=3, ci=None, threshold=None):
    """The words on the evaluation, and the metrics that they are about."""
    table = people("db", speakers, each=10)
    prediction = table["truth"].to_numpy(copy=True)
    prediction[: 4 * wrong : 4] = "b"
    frame = table.assign(row=range(len(table)), fold=0, run=1, prediction=prediction)
    frame = frame.assign(p_a=0.6, p_b=0.4)
    spec = {"task": "classification", "measure": "uar", "labels": ["a", "b"], "seed": 1}
    spec |= {"ci": ci} if ci else {}
    spec |= {"uncertainty_threshold": threshold} if threshold else {}
    metrics = scoring.evaluate(spec, frame, training={}, split={}, tables=[])
    record = {"evaluation": {"ci": ci or "auto", "uncertainty_threshold": threshold}}
    return metrics, " ".join(methods._evaluation(record, metrics, citations.Cites()))


def test_an_interval_is_told_only_where_it_is():
    metrics, said = evaluated(wrong=0)
    assert metrics["ci"] == [None, None]
    assert "It has no interval (" in said and "Its 95 % interval" not in said
    metrics, said = evaluated(wrong=7)
    assert None not in metrics["ci"] and "with 3 degrees of freedom" in said
    assert "logit scale" in said and "It has no interval" not in said
    _, said = evaluated(wrong=7, ci="samples")
    assert "1,000 resamples of the samples" in said


def test_what_is_certain_lies_below_the_threshold():
    # The entropy of .6 and .4 is .97 of the largest.
    assert "whose uncertainty was below 0.98 alone" in evaluated(threshold=0.98)[1]
    metrics, said = evaluated(threshold=0.4)
    assert metrics["certain"]["n_evaluated"] == 0 and "uncertainty" not in said


def test_each_seed_is_told():
    def told(learning, kind="svm", runs=(1,)):
        record = {"packages": {}, "izwi": "1", "seed": 42, "learning": learning}
        record |= {"model": {"type": kind, "options": {}}}
        return methods._software(record, {"runs": runs}, citations.Cites())[-1]

    assert told({}) == "The seed of the split and the intervals was 42."
    assert told({"balancing_seed": 42}) == told({})
    assert told({"balancing_seed": 7}).endswith("was 42, and that of the balancing was 7.")
    assert told({}, "mlp") == "The seed of the split, the training and the intervals was 42."
    assert told({}, "mlp", runs=(1, 2)) == told({})


def cells_of(text):
    """Rows of the first Markdown table of a text, header first."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_table_1_counts_each_class_of_each_part():
    sexes, ages = ["female", "male", None], [20, 30, 41, np.nan, 55, 28]
    frame = people("db", 6, each=8)
    frame["gender"] = [sexes[i // 8 % 3] for i in range(48)]
    frame["age"] = [ages[i // 8] for i in range(48)]
    # Two of six speakers say one class alone, so that its rows have other speakers.
    frame.loc[frame["speaker"].isin(["s0", "s4"]), "truth"] = "a"
    frame["part"] = frame["speaker"].map(dict.fromkeys(["s0", "s1"], "test")).fillna("train")
    frame.loc[frame["speaker"] == "s5", "part"] = "dev"
    split = frame[["database", "file", "speaker", "truth", "part"]].assign(fold=0)
    seconds = pd.Series(np.arange(48) * 7.0)
    found = description.describe(frame, split, ["a", "b"], seconds=seconds)
    record = {"name": "x", "target": "emotion", "databases": [{"name": "db"}]}
    header, _, *rows = cells_of(table1.markdown(record, {}, found))
    assert header == ["part", "class", "files", "speakers", "F/M", "age", "min"]
    assert len(rows) == 9
    for part, label, files, speakers, sex, age, minutes in rows:
        own = frame[(frame["part"] == part) & ((frame["truth"] == label) | (label == "all"))]
        each = own.drop_duplicates("speaker")
        assert (int(files), int(speakers)) == (own["file"].nunique(), len(each))
        of = each["gender"].value_counts()
        unknown = int(each["gender"].isna().sum())
        assert sex == f"{of.get('female', 0)}/{of.get('male', 0)}" + (
            f", {unknown} unknown" if unknown else ""
        ) or (not len(of) and sex == "–")
        known = each["age"].dropna()
        assert age.startswith(
            "–" if known.empty else f"{known.mean():.{0 if len(known) == 1 else 1}f}"
        )
        if len(known) > 1:
            assert age.endswith(f"({known.std():.1f}), {known.min():.0f}–{known.max():.0f}")
        assert minutes == f"{seconds[own.index].sum() / 60:.1f}"


@pytest.mark.parametrize("speakers", [4, 16])
def test_what_is_said_of_fairness_is_counted(speakers):
    random = np.random.default_rng(4)
    frame = people("db", speakers, each=10).assign(run=1, fold=0, row=range(10 * speakers))
    frame["gender"] = [("female", "male")[i // 10 % 2] for i in range(len(frame))]
    wrong = random.random(len(frame)) < np.where(frame["gender"] == "male", 0.5, 0.1)
    frame["prediction"] = frame["truth"].where(~wrong, frame["truth"].map({"a": "b", "b": "a"}))
    spec = {"task": "classification", "measure": "uar", "labels": ["a", "b"], "seed": 1}
    traits = frame[["gender"]]
    metrics = scoring.evaluate(
        spec, frame.drop(columns="gender"), training={}, split={}, tables=[], traits=traits
    )
    said = card._fairness(metrics)
    header, _, *rows = cells_of(said)
    assert header == ["gender", "uar", "95 % interval", "n", "speakers"]
    recalls = {}
    for group, value, _, n, of in rows:
        own = frame[frame["gender"] == group]
        recalls[group] = (own["prediction"] == own["truth"]).groupby(own["truth"]).mean().mean()
        assert float(value) == pytest.approx(recalls[group], abs=5e-4)
        assert (int(n), int(of)) == (len(own), own["speaker"].nunique())
    gap = recalls["female"] - recalls["male"]
    assert f"Gap {gap:.3g}" in said
    record = {"evaluation": {"ci": "auto"}}
    sentences = " ".join(methods._evaluation(record, metrics, citations.Cites()))
    # Of four speakers, two and two, there are 6 ways, so that no p is below 1/3.
    assert ("was tested by permuting the groups" in sentences) == (speakers == 16)
    assert ("p = " in said) == (speakers == 16) and ("not testable" in said) == (speakers == 4)
    if speakers == 16:
        hits = frame.assign(hit=frame["prediction"] == frame["truth"])
        sides = np.array(["female", "male"] * 8)
        reached = 0
        for _ in range(400):
            drawn = dict(zip(frame["speaker"].unique(), random.permutation(sides), strict=True))
            each = hits.groupby([hits["speaker"].map(drawn), "truth"])["hit"].mean()
            mean = each.groupby(level=0).mean()
            reached += abs(mean["female"] - mean["male"]) >= gap - 1e-9
        assert metrics["fairness"]["gender"]["p"] == pytest.approx(reached / 400, abs=0.05)


def test_classes_that_test_or_training_lacks_are_in_the_methods():
    each = {"a": {"n": 8}, "b": {"n": 4}, "c": {"n": 0}}
    metrics = {
        "per_class": each,
        "warnings": ["[DATA] split_strategy: classes absent from test: c"],
    }
    assert methods._missing_classes(metrics) == [
        "The test set had no sample of c, so means over classes are over 2 classes, of which "
        "guessing has a UAR of 0.500."
    ]
    told = "[MODEL] logo: classes in test that train never sees: c (6 rows), d (1 row)"
    metrics = {"per_class": {"a": {"n": 8}, "c": {"n": 6}, "d": {"n": 1}}, "warnings": [told]}
    (line,) = methods._missing_classes(metrics)
    assert line.endswith("none of these could be right: c (6 samples), d (1 sample).")
    assert methods._missing_classes({"per_class": {}, "warnings": []}) == []
    told = "the model says 'a' for every test sample in each fold (chance: uar 0.500); try another"
    assert methods._missing_classes({"per_class": {}, "warnings": [told]}) == [
        "The model gave one answer, 'a', for every test sample."
    ]
    told = "the model says one value for every test sample; try another"
    assert methods._missing_classes({"per_class": {}, "warnings": [told]}) == [
        "The model gave the same number for every test sample."
    ]
    whole = {"per_class": {"a": {"n": 8}, "b": {"n": 4}}, "warnings": ["few speakers: 2"]}
    assert methods._missing_classes(whole) == []


def test_ranges_below_0_and_codes_of_a_sex_are_readable():
    values = {"n": 3, "mean": -0.5, "sd": 11.5, "min": -1.0, "max": 35.0}
    assert table1.spread(values) == "−0.5 (11.5), −1 to 35"
    assert table1.spread(values | {"min": -35.0, "max": -1.0, "sd": None}) == "−0.5"
    assert table1.spread(values | {"mean": 2.0, "min": 0.0}) == "2.0 (11.5), 0–35"
    _, _, said = experiment([people("db", 6, gender=["0"] * 12 + ["1"] * 12)])
    assert "from 6 speakers (3 of gender 0, 3 of gender 1)" in said
