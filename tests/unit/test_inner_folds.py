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
from izwi.training import fitting, folds, inner, runs, tuning
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


# ------------------------------------------------------------------- several speakers


def dialogues(number=12, segments=4, partners=2, seed=0):
    """Recordings of two speakers each, who take turns; of `partners` recordings each pair."""
    samples, _, of = cut(number, segments, seed=seed)
    turn = np.random.default_rng(seed).permutation(len(of)) % 2
    split = samples.split.assign(
        speaker=[f"db/{2 * (i // partners) + t:02}" for i, t in zip(of, turn, strict=True)]
    )
    # Each speaker has both classes, and so has each recording.
    truth = np.where(np.arange(len(of)) % 2, "a", "b").astype(object)
    return Samples(samples.names, samples.values, split), truth, of


def test_tuning_keeps_the_speakers_of_a_recording_together():
    samples, truth, of = dialogues()
    speakers = samples.split["speaker"].to_numpy()
    pairs, unit, notes, warnings = tuning.inner_folds(all_of(samples, truth), folds=5, seed=1)
    parts(pairs, of)
    parts(pairs, speakers)
    assert (len(pairs), unit, warnings) == (5, "speakers", [])
    # 12 recordings of 6 pairs of speakers.
    assert notes == [
        "[MODEL] tune: 12 recordings have several speakers, who stay together in the inner folds: "
        "12 speakers are 6 groups"
    ]


def test_speakers_who_all_share_recordings_are_parted_and_told():
    samples, truth, of = dialogues(number=6)
    # A chain: each speaker is beside the next in a recording.
    turn = np.random.default_rng(2).permutation(len(of)) % 2
    split = samples.split.assign(
        speaker=[f"db/{i + t}" for i, t in zip(of, turn, strict=True)], part="train"
    )
    samples = Samples(samples.names, samples.values, split)
    data = all_of(samples, truth)
    pairs, unit, _, warnings = tuning.inner_folds(data, folds=3, seed=1)
    parts(pairs, split["speaker"].to_numpy())
    both = split.groupby("file")["speaker"].nunique().gt(1)
    assert unit == "speakers" and both.sum() > 3
    assert f"inner folds part {both.sum()} recordings of several speakers (such as " in warnings[0]
    assert any(f"(such as {file})" in warnings[0] for file in both[both].index)
    folds, told = svm.inner_folds(truth, split["speaker"].to_numpy(), "svm", of)
    assert f"part {both.sum()} recordings of several speakers" in told[0] and len(folds) > 1


def test_a_row_of_unknown_speaker_goes_with_its_recording():
    samples, truth, of = cut(recordings=12, segments=4, speakers=6)
    split = samples.split.copy()
    nameless = np.arange(0, len(of), 5)
    split.loc[nameless, "speaker"] = None
    # And one recording of which no speaker is known.
    split.loc[of == 3, "speaker"] = None
    samples = Samples(samples.names, samples.values, split)
    pairs, _, notes, _ = tuning.inner_folds(all_of(samples, truth), folds=3, seed=1)
    unknown = split["speaker"].isna().to_numpy()
    for train, test in pairs:
        assert not set(of[train]) & set(of[test]) and not unknown[test].any()
        assert set(np.flatnonzero(of == 3)) <= set(train)
    tested = np.concatenate([test for _, test in pairs])
    assert sorted(tested) == np.flatnonzero(~unknown).tolist()
    assert (
        f"{unknown.sum()} training samples without a speaker are in no inner test fold" in notes[-1]
    )


@pytest.mark.parametrize("kind", ["svm", "linear_svm"])
def test_probabilities_of_dialogues_rest_on_unseen_recordings_and_speakers(kind):
    samples, truth, of = dialogues()
    speakers = samples.split["speaker"].to_numpy()
    folds, warnings = svm.inner_folds(truth, speakers, kind, of)
    parts(folds, of)
    parts(folds, speakers)
    assert warnings == []


def test_early_stopping_keeps_dialogues_whole():
    samples, truth, of = dialogues()
    frame = samples.split.assign(truth=truth)
    speakers = frame["speaker"].to_numpy()
    for seed in range(10):
        train, dev = splits.dev_from_train(frame, np.arange(len(of)), seed=seed)
        assert len(dev) and not set(of[train]) & set(of[dev])
        assert not set(speakers[train]) & set(speakers[dev])
    # One speaker is in all recordings: speakers are taken, and recordings parted.
    host = np.where(np.arange(len(of)) % 2, "db/host", speakers)
    frame["speaker"] = host
    train, dev = splits.dev_from_train(frame, np.arange(len(of)), seed=1)
    assert not set(host[train]) & set(host[dev]) and set(of[train]) & set(of[dev])
    both = len(set(of[train]) & set(of[dev]))
    (told,) = runs._dev_parting(samples, train, dev)
    assert (
        f"early stopping: {both} recordings of several speakers are in both" in told["warnings"][0]
    )
    assert runs._dev_parting(samples, np.flatnonzero(of < 6), np.flatnonzero(of > 6)) == []


def test_unlabelled_rows_of_a_test_part_are_no_training_rows():
    samples, _, of = dialogues()
    rows = np.arange(len(of))
    pool, test = rows[rows % 3 == 0], rows[(rows % 3 == 1) & (of < 4)]
    found = folds.strangers(samples, pool, test)
    who = samples.split["speaker"]
    met = {(of[i], who[i]) for i in test}
    wanted = [i for i in pool if not any(of[i] == r or who[i] == s for r, s in met)]
    assert 0 < len(wanted) < len(pool) and found.tolist() == wanted


def test_groups_are_the_connected_components():
    speakers = np.array([0, 1, 1, 2, 3, 4, 4, -1])
    sources = np.array([0, 0, 1, 1, 2, 3, 3, 2])
    # 0-1 by recording 0, 1-2 by recording 1; 3 and 4 alone; the unknown is beside 3.
    assert splits.joined(speakers, sources).tolist() == [0, 0, 0, 0, 1, 2, 2, -1]
    assert splits.named(speakers, sources).tolist() == [0, 1, 1, 2, 3, 4, 4, 3]
    assert splits.parted(sources, speakers).tolist() == [0, 1, 2]
    assert splits.joined(speakers, None) is speakers
    apart = np.array([0, 0, 1, 1, 2, 3, 3, 2])
    assert splits.joined(apart, sources) is apart
