"""Texts for a paper: entries of references, words, LaTeX."""

import re

import pytest
import yaml

from izwi import features, models
from izwi.reporting.texts import citations, methods, table1, words

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
        "unused": 2,
        "cross_validation": False,
    }
    record = {"name": "x y_1", "databases": [{"name": "d_1"}], "target": "emotion"}
    found = table1.latex(record, description)
    assert r"test & a\_b & 1 & -- & -- & -- & -- \\" in found
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
        "packages": {"scikit-learn": "1.0"},
    }
    return " ".join(methods._model(record, metrics, training, citations.Cites()))


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
        "The model was a support vector machine [@pedregosa2011sklearn] by scikit-learn 1.0 (by "
        "default kernel = rbf, gamma = scale). Its probabilities are those of a sigmoid "
        "[@platt1999probabilistic] fitted on inner folds of the training samples. C_val (0.1, 1) "
        "and class_weight (True, False) were chosen by a nested search, in each of 3 searches, one "
        "for each fold and run, over 4 combinations, by the mean uar on 3 to 5 inner folds of the "
        "training samples, with speakers kept apart. Chosen was C_val = 0.1, class_weight = True "
        "(2 times); C_val = 1, class_weight = True (1 time). The inner score was 0.654, that of "
        "the same models on test samples 0.611 (optimism 0.043). Development samples decided when "
        "to stop and which run was best. Its probabilities were then scaled by a temperature "
        "[@guo2017calibration] fitted on the development samples. It was trained 2 times, with the "
        "seeds 5 to 6; figures are means over these runs."
    )


def test_options_that_do_nothing_are_left_out():
    options = {"loss": "cross", "focal.gamma": 2, "momentum": 0.9, "optimizer": "adamw"}
    assert methods._idle(options | {"measure": "uar"}) == [
        "measure",
        "momentum",
        "focal.gamma",
        "focal.alpha",
    ]
    assert methods._idle({"loss": "focal", "optimizer": "sgd", "kernel": "poly"}) == ["measure"]


def test_a_model_of_several_kinds_of_learning():
    training = {
        "runs": RUNS[:1],
        "notes": ["svm is deterministic: fitted once, not 3 times"],
    }
    learning = {"submodel": "gender", "self_training": {"threshold": 0.9, "rounds": 10}}
    found = told(learning, {}, training)
    assert "Classes were weighted by their inverse frequency in training. " in found
    assert "A model of its own was trained for each value of gender. " in found
    assert "with a probability above 0.9, in at most 10 rounds (self-training). " in found
    assert found.endswith("The fit does not depend on the seed.")


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        (None, []),
        ([], ["without a finding that could flatter the figures."]),
        ([{"kind": "texts", "grade": "note"}], ["without a finding"]),
        (
            [{"kind": "padding_end", "grade": "cue"}, {"kind": "audio", "grade": "leak"}],
            ["the figures may be flattered by what it found (padding end, audio)."],
        ),
    ],
)
def test_what_the_audit_found(findings, said):
    found = methods._audit({"audit": findings})
    assert len(found) == len(said)
    for line, expected in zip(found, said, strict=True):
        assert expected in line


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"split_strategy": ["a", "b"]}, "The speakers a and b of db were tested."),
        (
            {"split_strategy": "balanced", "balance": {"age": 1, "gender": 1}, "test_size": 30.0},
            "Speakers of db were divided so that 30 % were tested and age and gender balanced.",
        ),
        (
            {"split_strategy": None, "test_size": 20.0},
            "Of the speakers of db, 20 %, drawn at random, were tested.",
        ),
        (
            {"split_strategy": "speakers_stated", "test": ["x", "y", "z"]},
            "The split of db was by stated speakers (test: x, y and z).",
        ),
        ({"split_strategy": "strange"}, "The split of db was by the strategy strange."),
    ],
)
def test_strategies_in_words(spec, said):
    assert methods._strategy("db", spec, []) == said


def test_own_tables_are_told_from_a_draw():
    notes = ["[DATA] db: no split_strategy, taken from its own train and test tables"]
    spec = {"split_strategy": None, "test_size": 20.0}
    assert methods._strategy("db", spec, notes) == "The split of db was that of its own tables."
    assert "drawn at random" in methods._strategy("other", spec, notes)
