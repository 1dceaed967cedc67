"""Figures by groups of speakers, and gaps that chance does not explain."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sk

from izwi.evaluation import fairness
from izwi.evaluation.intervals import intervals
from izwi.evaluation.measures import Sample

LABELS = ["x", "y"]


def spoken(speakers=12, each=20, gap=0.3, seed=0):
    """Every second speaker is female, and worse recognised by ``gap``."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(speakers), each)
    female = codes % 2 == 0
    chance = 0.85 - gap * female + random.normal(0, 0.03, speakers)[codes]
    truth = random.choice(LABELS, len(codes))
    hit = random.random(len(codes)) < chance
    prediction = np.where(hit, truth, np.where(truth == "x", "y", "x"))
    rows = pd.DataFrame(
        {
            "speaker": [f"db/{code:02d}" for code in codes],
            "gender": np.where(female, "female", "male"),
        }
    )
    return truth, prediction, rows


def found_for(truth, prediction, rows, measure="uar", task="classification"):
    labels = LABELS if task == "classification" else None
    sample = Sample(truth, [prediction], task, labels)
    found = fairness.fairness(sample, rows, measure, seed=1)
    json.dumps(found, allow_nan=False)
    return found


def test_figures_of_groups():
    truth, prediction, rows = spoken()
    found = found_for(truth, prediction, rows)["gender"]
    for name, group in found["groups"].items():
        own = (rows["gender"] == name).to_numpy()
        assert (group["n"], group["n_speakers"]) == (120, 6)
        uar = sk.balanced_accuracy_score(truth[own], prediction[own])
        assert group["value"] == pytest.approx(uar)
        limits = intervals(
            Sample(truth[own], [prediction[own]], "classification", LABELS),
            rows["speaker"][own],
            seed=1,
        )
        assert group["ci"] == list(limits.jackknife["uar"])
        assert group["ci_method"] == "jackknife over speakers (t)"
    values = [group["value"] for group in found["groups"].values()]
    assert found["gap"] == pytest.approx(max(values) - min(values))
    assert found["unknown"] == 0
    # as good as certain, and no smaller than the ways to group 12 speakers by 6 allow
    assert 0 < found["p"] < 0.02


def test_p_against_all_assignments():
    truth, prediction, rows = spoken(speakers=10, gap=0.08, seed=3)
    right = truth == prediction
    per_speaker = [right[rows["speaker"] == s].mean() for s in sorted(set(rows["speaker"]))]
    gaps = []
    for chosen in itertools.combinations(range(10), 5):
        mask = np.isin(np.arange(10), chosen)
        gaps.append(
            abs(np.mean(np.array(per_speaker)[mask]) - np.mean(np.array(per_speaker)[~mask]))
        )
    observed = abs(np.mean(per_speaker[::2]) - np.mean(per_speaker[1::2]))
    exact = np.mean(np.array(gaps) >= observed - 1e-12)
    found = found_for(truth, prediction, rows, "accuracy")["gender"]
    assert 0.02 < exact < 0.9
    assert found["p"] == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000))
    assert found["test"] == "permutation of 10 speakers, 10000 random"
    assert found_for(truth, prediction, rows, "accuracy")["gender"] == found


def test_chance_is_not_taken_for_a_gap():
    below = 0
    for seed in range(60):
        truth, prediction, rows = spoken(speakers=10, each=8, gap=0, seed=seed)
        below += found_for(truth, prediction, rows)["gender"]["p"] <= 0.05
    assert stats.binomtest(below, 60, 0.05).pvalue > 0.001


def test_regression_and_three_groups():
    random = np.random.default_rng(0)
    codes = np.repeat(np.arange(15), 10)
    truth = random.normal(40, 10, 150)
    rows = pd.DataFrame(
        {"speaker": codes.astype(str), "language": np.array(["de", "en", "pl"])[codes % 3]}
    )
    prediction = truth + random.normal(0, 1, 150) + 6 * (rows["language"] == "pl")
    found = found_for(truth, prediction, rows, "mae", "regression")["language"]
    assert list(found["groups"]) == ["de", "en", "pl"]
    assert found["gap"] > 4
    assert found["p"] < 0.01


def test_what_cannot_be_tested():
    truth, prediction, rows = spoken(speakers=4)
    found = found_for(truth, prediction, rows)["gender"]
    assert found["p"] is None
    assert found["test"] == "not testable: 4 speakers can be grouped in 6 ways alone"
    truth, prediction, rows = spoken()
    mixed = rows.assign(language=["de", "en"] * 120)
    found = found_for(truth, prediction, mixed)
    assert found["language"]["test"] == "not testable: speakers with several values of language"
    assert found["gender"]["p"] is not None
    unknown = rows.assign(speaker=None)
    found = found_for(truth, prediction, unknown)["gender"]
    assert (found["p"], found["test"]) == (None, "not testable: samples without a speaker")
    assert found["groups"]["male"]["ci_method"].endswith("no speakers known")
    one = rows.assign(gender="female")
    assert found_for(truth, prediction, one) == {}


def test_samples_without_a_value_are_counted():
    truth, prediction, rows = spoken()
    rows.loc[rows["speaker"] == "db/00", "gender"] = None
    found = found_for(truth, prediction, rows)["gender"]
    assert found["unknown"] == 20
    assert found["groups"]["female"]["n_speakers"] == 5
    assert found["test"].startswith("permutation of 11 speakers")


def test_traits_of_tables():
    first = pd.DataFrame({"gender": ["male", None], "age": [19.5, 60.0], "word": ["a", "b"]})
    second = pd.DataFrame({"language": ["de"], "age": [np.nan]})
    found = fairness.traits([first, second], "emotion")
    assert list(found) == ["gender", "age", "language"]
    assert found["age"].tolist()[:2] == ["under 20", "60 and over"]
    assert found["gender"].isna().tolist() == [False, True, True]
    assert found["language"].tolist()[2] == "de"
    assert list(fairness.traits([first], "age")) == ["gender"]
    assert list(fairness.traits([first], "gender")) == ["age"]
    assert list(fairness.traits([first[["word"]]], "emotion")) == []
    words = fairness.traits([pd.DataFrame({"age": ["old", "7"]})], "emotion")
    assert words["age"].tolist() == ["old", "7"]
    numbers = fairness.traits([pd.DataFrame({"age": ["39.9", "40", None]})], "emotion")
    assert numbers["age"].tolist()[:2] == ["20 to 39", "40 to 59"]
