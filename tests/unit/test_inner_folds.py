"""Folds within training rows: segments and copies of one recording are never in both parts."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from izwi import models, splits
from izwi.analyses.learning_curve import learning_curve
from izwi.errors import UserError
from izwi.models import svm
from izwi.reporting.texts import words
from izwi.training import fitting, inner, tuning
from izwi.training.fitting import Copies, Samples, TrainingSet

LABELS = ["a", "b"]


def cut(recordings=24, segments=5, speakers=None, seed=0):
    """Segments of recordings, in an order that mixes them; a recording has one class."""
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(recordings), segments))
    truth = np.where(of % 2, "a", "b").astype(object)
    # Segments of a recording are much alike.
    X = rng.normal(size=(recordings, 4))[of] + 0.05 * rng.normal(size=(len(of), 4))
    X[:, 0] += 0.5 * (truth == "a")
    split = pd.DataFrame(
        {
            "database": "db",
            "file": [f"{i:02}.wav" for i in of],
            "start": pd.to_timedelta(np.arange(len(of)), "s"),
            "end": pd.to_timedelta(np.arange(len(of)) + 1, "s"),
            "speaker": None if speakers is None else [f"db/{i % speakers}" for i in of // 2],
            "part": "train",
            "fold": 0,
            "dev_folds": "",
        }
    )
    return Samples(list("wxyz"), X, split), truth, of


def all_of(samples, truth, labels=LABELS):
    rows = np.arange(len(truth))
    return TrainingSet(samples, truth, rows, rows[:0], labels)


def parts(pairs, of):
    """Each recording is in one test part, and never in both parts."""
    for train, test in pairs:
        assert not set(of[train]) & set(of[test])
    assert sorted(np.concatenate([test for _, test in pairs])) == list(range(len(of)))


def spec_of(kind, **more):
    cls = models.model_class(kind)
    options = {option.name: option.default for option in cls.options if option.status == "ok"}
    return {
        "task": cls.task,
        "model": {"type": kind, "options": options},
        "preprocessing": {"scale": None, "features": None},
        "runs": 1,
        "seed": 3,
        "measure": "uar",
        "save": False,
        **more,
    }


def test_without_segments_the_folds_are_those_of_scikit_learn():
    y = np.random.default_rng(0).integers(3, size=50)
    for seed in (None, 7):
        plain = StratifiedKFold(4, shuffle=seed is not None, random_state=seed).split(y, y)
        for found, wanted in zip(
            splits.stratified_folds(y, None, 4, seed=seed), plain, strict=True
        ):
            assert all((a == b).all() for a, b in zip(found, wanted, strict=True))
    frame = pd.DataFrame({"database": "db", "file": list("abc")})
    assert splits.recordings(frame) is None
    # One name in two databases is two recordings.
    assert splits.recordings(pd.DataFrame({"database": ["p", "q"], "file": ["a", "a"]})) is None
    assert list(splits.recordings(frame.assign(file=["b", "a", "b"]))) == [0, 1, 0]


def test_a_rare_class_within_recordings_of_others_is_in_every_training_part():
    # The class 2 is beside another in its recordings, which are two of six.
    of = np.repeat(np.arange(6), 4)
    strata = np.where(of % 2, 1, 0)
    strata[[0, 4]] = 2
    for seed in range(9):
        pairs = splits.stratified_folds(strata, of, 3, seed=seed)
        parts(pairs, of)
        assert all(set(strata[train]) == {0, 1, 2} for train, _ in pairs)
    # In one recording alone, a fold would have to do without.
    strata[4] = 0
    assert splits.stratified_folds(strata, of, 3, seed=0) == []


def test_tuning_without_speakers_goes_by_recordings():
    samples, truth, of = cut()
    pairs, unit, notes, warnings = tuning.inner_folds(all_of(samples, truth), folds=5, seed=1)
    parts(pairs, of)
    assert (len(pairs), unit, notes) == (5, "recordings", [])
    assert "inner folds are made of recordings" in warnings[0]
    # Of what has no class, a number is cut into bins.
    number = np.random.default_rng(1).normal(size=of.max() + 1)[of]
    pairs, unit, *_ = tuning.inner_folds(all_of(samples, number, None), folds=4, seed=1)
    parts(pairs, of)
    few = np.flatnonzero(np.isin(of, [0, 1]))
    data = dataclasses.replace(all_of(samples, truth), train=few)
    with pytest.raises(UserError, match="two training recordings of each class"):
        tuning.inner_folds(data, folds=5, seed=1)
    spoken, truth, _ = cut(speakers=4)
    assert tuning.inner_folds(all_of(spoken, truth), folds=5, seed=1)[1] == "speakers"


def test_weights_of_ensembles_without_speakers_rest_on_whole_recordings():
    samples, truth, of = cut()
    table = samples.split[["database", "file", "start", "end"]].assign(truth=truth, digest="0")
    values = pd.DataFrame(samples.values, columns=samples.names)
    matrix = pd.concat([table[["file", "start", "end"]], values], axis=1)
    found, report = inner.predict(
        spec_of("knn"), 3, [table], [[matrix]], samples.split, LABELS, copies=()
    )
    assert report["units"] == ["recordings"] and len(found) == len(of)
    assert found.groupby("file")["inner"].nunique().eq(1).all()
    assert words.kept_apart(report["units"]) == (
        "with recordings kept apart, which may share speakers"
    )
    assert words.kept_apart(["recordings", "samples"]) == "which may share speakers"


@pytest.mark.parametrize("kind", ["svm", "linear_svm"])
@pytest.mark.parametrize("speakers", [None, 4])
@pytest.mark.parametrize("rows", ["segments", "copies", "one each"])
@pytest.mark.parametrize("balanced", [False, True])
def test_probabilities_rest_on_recordings_that_the_machine_had_not_seen(
    monkeypatch, kind, speakers, rows, balanced
):
    segments = 4 if rows == "segments" else 1
    samples, truth, of = cut(recordings=12, segments=segments, speakers=speakers)
    if balanced:
        keep = (truth == "a") | (of < 8)
        own = np.flatnonzero(keep)
        split = samples.split.iloc[own].reset_index(drop=True)
        samples = Samples(samples.names, samples.values[own], split)
        truth, of = truth[own], of[own]
    # The first feature tells the recording.
    samples.values[:, 0] = of
    if rows == "copies":
        source = np.repeat(np.arange(len(of)), 3)
        samples = dataclasses.replace(samples, copies=Copies(samples.values[source], source))
    spec = spec_of(kind, **({"balancing": "ros", "balancing_seed": 1} if balanced else {}))
    seen, whole = [], svm.inner_folds
    shuffled = svm._shuffled_folds

    def watched(find):
        def folds(y, *arguments):
            found = find(y, *arguments)
            seen.extend(found[0] if isinstance(found, tuple) else found)
            return found

        return folds

    monkeypatch.setattr(svm, "inner_folds", watched(whole))
    monkeypatch.setattr(svm, "_shuffled_folds", watched(shuffled))
    data = all_of(samples, truth)
    prepared = fitting.prepare(spec, data)
    fitting.learn(spec, prepared, data, 1)
    assert len(seen) == (5 if kind == "svm" else 3)
    for train, test in seen:
        assert len(test) and not set(prepared.X[train, 0]) & set(prepared.X[test, 0])
        assert set(prepared.y[train]) == set(LABELS)


def test_a_class_of_one_recording_is_calibrated_on_itself_and_told():
    y = np.repeat(LABELS, 6)
    sources = np.array([0] * 6 + [1, 1, 2, 2, 3, 3])
    folds, warnings = svm.inner_folds(y, None, "svm", sources)
    assert len(folds) == 1 and (folds[0][0] == folds[0][1]).all()
    assert "a class has training samples of one recording only" in warnings[0]
    assert svm._shuffled_folds(y, sources) == []
    # Its segments may part where nothing tells that they are of one recording.
    assert len(svm.inner_folds(y, None)[0]) == 3


def test_early_stopping_takes_whole_recordings():
    samples, truth, of = cut(recordings=20)
    frame = samples.split.assign(truth=truth)
    train, dev = splits.dev_from_train(frame, np.arange(len(of)), seed=5)
    assert not set(of[train]) & set(of[dev])
    assert len(set(of[dev])) == 4 and set(truth[dev]) == set(LABELS)
    assert sorted([*train, *dev]) == list(range(len(of)))
    with pytest.raises(UserError, match="train has one recording alone"):
        splits.dev_from_train(frame, np.flatnonzero(of == 3), seed=5)
    # A class that lies in one recording stays.
    rare = truth.copy()
    rare[np.flatnonzero(of == 0)[0]] = "c"
    for seed in range(30):
        train, dev = splits.dev_from_train(frame.assign(truth=rare), np.arange(len(of)), seed=seed)
        assert "c" in rare[train] and len(dev) and not set(of[train]) & set(of[dev])


def test_a_learning_curve_without_speakers_grows_by_recordings():
    samples, truth, of = cut(recordings=20)
    rows = np.arange(len(of))
    fold = (0, rows[of < 10], rows[:0], rows[of >= 10])
    found = learning_curve(spec_of("knn"), samples, {0: truth}, [fold], LABELS)
    assert found["unit"] == "recordings"
    assert all(point["n_train"] == 5 * point["units"] for point in found["points"])
    # One recording has one class.
    assert [row["units"] for row in found["mean"]] == [2, 4, 6, 8, 10]
    assert found["notes"] and "a part of 10% is left out" in found["notes"][0]
