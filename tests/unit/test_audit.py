"""Planted leaks are found, clean data have none; figures against scipy and by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from audio_tables import make_table, some
from scipy import stats
from scipy.stats.contingency import association

from izwi.audit import audit, conditions, duplicates, find_copies, fitted
from izwi.audit.findings import FLATTERING
from izwi.errors import UserError
from izwi.evaluation.holm import holm
from izwi.features import extraction
from izwi.features.fingerprint import Fingerprint
from izwi.features.signal import decibel
from izwi.splits import make_split

CLASSES = ["anger", "joy", "neutral"]
SPEC = {
    "target": "emotion",
    "labels": None,
    "leakage": "warn",
    "fitted": {"scale": None, "pretrained": []},
}


def data(seed: int = 0, speakers: int = 12, takes: int = 4, **columns) -> pd.DataFrame:
    """A table with every class by every speaker."""
    rows = [
        (f"s{speaker}/{emotion}{take}.wav", f"s{speaker}", emotion)
        for speaker in range(speakers)
        for emotion in CLASSES
        for take in range(takes)
    ]
    table = pd.DataFrame(rows, columns=["file", "speaker", "truth"])
    table["emotion"] = table["truth"]
    table["database"], table["start"] = "d", pd.Timedelta(0)
    table["end"] = pd.Series(pd.NaT, index=table.index, dtype="timedelta64[ns]")
    table["digest"] = [f"{seed} {i}" for i in range(len(table))]
    return table.assign(**columns)


def by_speaker(table: pd.DataFrame, test: int = 5) -> pd.DataFrame:
    """A split with the last speakers as test."""
    names = table["speaker"].drop_duplicates().tolist()
    part = np.where(table["speaker"].isin(names[-test:]), "test", "train")
    split = table[["database", "file", "start", "end", "speaker"]].assign(part=part, fold=0)
    return split.assign(dev_folds="")


def recordings(table: pd.DataFrame, seed: int = 0, **columns) -> pd.DataFrame:
    """Recordings without a common anchor, whose speakers have levels and durations of their own."""
    rng = np.random.default_rng(seed)
    names = Fingerprint({}).columns
    frame = pd.DataFrame(rng.normal(0, 5, (len(table), len(names))), columns=names)
    who = pd.factorize(table["speaker"])[0]
    own = rng.normal(size=(who.max() + 1, 3))[who] + rng.normal(size=(len(table), 3))
    frame["level"], frame["noise_floor"] = -20 + 2 * own[:, 0], -60 + 3 * own[:, 1]
    frame["duration"] = np.exp(0.3 * own[:, 2])
    frame["sampling_rate"], frame["channels"] = 16000.0, 1.0
    for name in ("padding_start", "padding_end", "clipped"):
        frame[name] = 0.0
    times = frame.filter(like="time").columns
    frame[times] = rng.uniform(0, 1, (len(table), len(times)))
    return frame.assign(**columns)


def found(table, split=None, records=None, labels=CLASSES, **others) -> dict[str, dict]:
    """Findings by kind."""
    split = by_speaker(table) if split is None else split
    spec = SPEC | others.pop("spec", {})
    if records is not None:
        others["copies"] = find_copies([table], duplicates.Prints.of(records))
    report = audit(spec, [table], split, labels=labels, recordings=records, **others)
    json.dumps(report, allow_nan=False)
    told = [f["line"] for f in report["findings"] if f["kind"] != "teacher"]
    assert sorted(report["warnings"] + report["notes"]) == sorted(f"audit: {t}" for t in told)
    assert len({finding["kind"] for finding in report["findings"]}) == len(report["findings"])
    return {finding["kind"]: finding for finding in report["findings"]}


# ------------------------------------------------------------------------ overlaps


def test_clean_data_have_no_finding():
    table = data()
    assert found(table, records=recordings(table)) == {}
    assert list(found(table)) == ["no audio"]


def test_chance_seldom_makes_a_finding():
    """Speakers differ a lot; an audit of 40 databases tells of one at most."""
    table = data()
    told = [found(table, records=recordings(table, seed)) for seed in range(40)]
    assert sum(map(bool, told)) <= 1


def test_speakers_in_two_parts():
    table = data(speakers=4)
    split = by_speaker(table, 2)
    split.loc[[0, 1, 12], "part"] = "test"
    split.loc[[2, 47], "part"] = "dev"
    kinds = found(table, split)
    assert kinds["speakers train/test"]["line"] == "speakers in both train and test: 2 of 4: s0, s1"
    assert kinds["speakers train/test"]["counts"] == {"speakers": 2, "of": 4}
    assert kinds["speakers dev/test"]["examples"] == ["s0", "s3"]
    assert [kinds[f"speakers {p}"]["grade"] for p in ("train/test", "dev/test", "train/dev")] == [
        "leak",
        "leak",
        "note",
    ]


def test_what_only_later_folds_have_in_common_is_told():
    table = data(speakers=3)
    split = by_speaker(table).assign(fold=pd.factorize(table["speaker"])[0] + 1)
    second, third = 12, 24  # first rows of the speakers of folds 2 and 3
    table.loc[third, "digest"] = table.loc[second, "digest"]
    finding = found(table, split)["audio train/test"]
    assert finding["counts"] == {"rows": 2, "of": len(table), "other_label": 0}
    table[["start", "end"]] = pd.Timedelta(1, "s"), pd.Timedelta(3, "s")
    table.loc[third, "end"] = pd.Timedelta(4, "s")
    finding = found(table, split)["overlapping segments train/test"]
    assert finding["counts"] == {"segments": 2, "files": 2}
    split.loc[third, "speaker"] = split.loc[second, "speaker"]
    assert found(table, split)["speakers train/test"]["counts"] == {"speakers": 1, "of": 3}


def test_speakers_over_folds_are_told_once():
    table = data(speakers=4)
    split = by_speaker(table).assign(fold=np.arange(len(table)) % 3 + 1)
    kinds = found(table, split.assign(part=split["fold"].astype("str")))
    assert list(kinds) == ["speakers train/test", "no audio"]
    line = kinds["speakers train/test"]["line"]
    assert line == "speakers in both train and test: 4 of 4: s0, s1, s2, s3"


def test_the_same_audio_and_its_label():
    table = data()
    train, test = 0, len(table) - 1
    table.loc[[test, test - 1], "digest"] = table.loc[train, "digest"]
    finding = found(table)["audio train/test"]
    assert table["truth"].iloc[[train, test, test - 1]].tolist() == ["anger", "neutral", "neutral"]
    assert finding["counts"] == {"rows": 2, "of": 60, "other_label": 2}
    assert finding["grade"] == "leak" and "2 with another label" in finding["line"]
    # Files that are not there have no digest, and are not all the same.
    assert "audio train/test" not in found(data(digest=None))


def test_segments_that_overlap():
    table = data()
    seconds = pd.to_timedelta(np.arange(len(table)), unit="s").astype("timedelta64[ns]")
    table["start"], table["end"] = seconds, seconds + pd.Timedelta(1, "s")
    table["digest"] = "one long recording"
    finding = found(table)["files train/test"]
    assert finding["grade"] == "note" and finding["counts"] == {"files": 1}
    first_of_test = int((by_speaker(table)["part"] == "test").idxmax())
    table.loc[first_of_test, "start"] -= pd.Timedelta(0.1, "s")
    finding = found(table)["overlapping segments train/test"]
    assert finding["counts"] == {"segments": 1, "files": 1} and finding["grade"] == "leak"
    # The last second, which an early long segment reaches.
    table.loc[0, "end"] = pd.Timedelta(143.5, "s")
    assert found(table)["overlapping segments train/test"]["counts"]["segments"] == 60
    # A whole file beside its segments: what overlaps are no segments on both sides.
    table.loc[0, ["start", "end"]] = pd.Timedelta(0), pd.NaT
    finding = found(table)["overlapping samples train/test"]
    assert finding["counts"] == {"samples": 60, "files": 60} and finding["grade"] == "leak"
    told = "60 samples of test overlap in time with samples in train, such as those of "
    assert finding["line"].startswith(told)


def test_near_duplicates_in_two_parts():
    table = data()
    records = recordings(table)
    anchors = records.filter(like="anchor").columns
    last = len(table) - 1
    for copy, original in ((last, 0), (last - 1, 1), (2, 3)):
        records.loc[copy] = records.loc[original]
        records.loc[copy, anchors] += 0.05
        records.loc[copy, records.filter(like="time").columns] += 0.7
    finding = found(table, records=records)["near-duplicates train/test"]
    assert finding["counts"] == {"rows": 2, "of": 60} and finding["grade"] == "leak"
    files = table["file"]
    assert sorted(finding["examples"]) == sorted(
        [[files[last], files[0]], [files[last - 1], files[1]]]
    )
    # Anchors that are as alike, but not as far apart, are of another recording.
    records.loc[last, records.filter(like="time").columns] += [0.0, 0.02, 0.04, 0.06]
    assert found(table, records=records)["near-duplicates train/test"]["counts"]["rows"] == 1


def test_too_many_alike_are_not_compared(monkeypatch):
    table = data(speakers=6, takes=2)
    records = recordings(table)
    records.loc[:, records.filter(like="anchor").columns] = 1.0
    assert "near-duplicates train/test" in found(table, records=records)
    monkeypatch.setattr(duplicates, "MOST", 1000)
    finding = found(table, records=records)["near-duplicates"]
    assert finding["grade"] == "note" and "too many recordings are alike" in finding["line"]


def test_texts_that_all_classes_share_and_texts_that_tell():
    table = data(takes=5, sentence=[f"text {i % 5}" for i in range(180)])
    finding = found(table)["same sentence"]
    assert finding["grade"] == "note"
    assert finding["counts"] | {"uar": None} == {
        **{"rows": 75, "of": 75, "different": 5},
        **{"uar": None, "chance": 0.3333},
    }
    told = table.assign(sentence=table["truth"] + " text")
    finding = found(told)["same sentence"]
    assert finding["grade"] == "cue" and finding["counts"]["uar"] == 1
    assert "the sentence alone tells the class" in finding["line"]
    assert "same sentence" not in found(told, spec={"target": "sentence"})
    assert "same sentence" not in found(table.assign(sentence=table["file"]))
    # A number has no classes.
    assert found(told.assign(truth=np.arange(180.0)), labels=[])["same sentence"]["grade"] == "note"


# ---------------------------------------------------------------------- conditions


def test_padding_by_class():
    table = data()
    rng = np.random.default_rng(3)
    padded = rng.uniform(size=len(table)) < np.where(table["truth"] == "anger", 0.6, 0.1)
    records = recordings(table, padding_end=np.where(padded, 0.2, 0.005))
    finding = found(table, records=records)["padding_end"]
    assert finding["grade"] == "cue"
    counted = pd.crosstab(table["truth"], padded)
    v = association(counted.to_numpy(), method="cramer")
    shares = counted[True] / counted.sum(axis=1)
    assert finding["counts"]["effect"] == pytest.approx(v, abs=1e-4)
    assert finding["counts"]["by_class"] == pytest.approx(shares.to_dict(), abs=1e-4)
    low = shares.idxmin()
    percents = [f"{100 * v:.0f} %" for v in (padded.mean(), shares["anger"], shares[low])]
    assert finding["line"] == (
        f"{padded.sum()} of {len(table)} files end in digital silence ({percents[0]}), anger "
        f"{percents[1]}, {low} {percents[2]}: a model can learn it (Cramér's V {v:.3f})"
    )
    # As frequent everywhere, it is a note.
    even = recordings(table, padding_end=np.where(np.arange(len(table)) % 4 == 0, 0.2, 0))
    finding = found(table, records=even)["padding_end"]
    assert finding["grade"] == "note" and "36 of 144 files" in finding["line"]


def test_a_sampling_rate_that_is_a_class():
    table = data()
    rate = np.where(table["truth"] == "joy", 22050.0, 16000.0)
    finding = found(table, records=recordings(table, sampling_rate=rate))["sampling_rate"]
    assert finding["grade"] == "cue" and finding["counts"]["effect"] == 1
    assert "joy 22050 Hz" in finding["line"] and "16000" in finding["line"]
    mixed = np.where(np.arange(len(table)) % 2, 22050.0, 16000.0)
    finding = found(table, records=recordings(table, sampling_rate=mixed))["sampling_rate"]
    assert finding["grade"] == "note"
    assert finding["line"] == "files of several sampling rates: 16000 Hz 50 %, 22050 Hz 50 %"


def test_several_numbers_of_channels_are_told():
    table = data()
    channels = np.where(np.arange(len(table)) % 4, 1.0, 2.0)
    finding = found(table, records=recordings(table, channels=channels))["channels"]
    assert finding["grade"] == "note"
    assert finding["line"] == "files of several numbers of channels: 1 in 75 %, 2 in 25 %"


def test_recordings_of_silence_alone_are_told():
    table, records = data(), recordings(data())
    records.loc[[3, 100], "level"] = float(decibel(0.0))
    finding = found(table, records=records)["silence"]
    assert finding["grade"] == "shift" and finding["counts"] == {"rows": 2, "of": len(table)}
    one, other = sorted(table["file"][[3, 100]])
    assert finding["line"].startswith(
        f"2 of 144 files hold digital silence alone, such as {one} and {other}: "
    )
    # What the split leaves unused is nobody's concern, nor is what is only quiet.
    split = by_speaker(table)
    split.loc[[3], "part"] = ""
    line = found(table, split, records)["silence"]["line"]
    assert line.startswith(f"1 of 143 files holds digital silence alone, such as {other}: ")
    records.loc[[3, 100], "level"] = float(decibel(2**-15))
    assert "silence" not in found(table, records=records)


def test_level_and_duration_belong_to_speech():
    table = data()
    louder = 4.0 * (table["truth"] == "anger")
    records = recordings(table)
    records["level"] += louder
    finding = found(table, records=records)["speech properties"]
    assert finding["grade"] == "note" and list(finding["counts"]) == ["level"]
    level, truth = records["level"], table["truth"]
    groups = [level[truth == name] for name in CLASSES]
    f = stats.f_oneway(*groups).statistic
    eta = np.sqrt(2 * f / (2 * f + len(level) - 3))
    assert finding["counts"]["level"]["effect"] == pytest.approx(eta, abs=1e-4)
    records["level"] += 100 * louder
    assert found(table, records=records)["level"]["grade"] == "cue"


def test_test_is_unlike_train():
    table = data()
    split = by_speaker(table)
    test = (split["part"] == "test").to_numpy()
    records = recordings(table, sampling_rate=np.where(test, 8000.0, 16000.0))
    records["level"] += 12.0 * test
    kinds = found(table, split, records)
    finding = kinds["train and test differ"]
    assert finding["grade"] == "shift" and list(kinds) == ["train and test differ"]
    assert set(finding["counts"]) == {"sampling_rate", "level"}
    assert "sampling rate 8000 Hz against 16000; level " in finding["line"]
    level = records["level"].groupby(table["speaker"], sort=False).mean()
    p = stats.ttest_ind(level.iloc[:7], level.iloc[7:], equal_var=False).pvalue
    # The rate is no chance; of four other properties, duration, level and noise floor vary.
    (smallest,) = (c["p"] for name, c in finding["counts"].items() if name == "level")
    assert smallest == pytest.approx(3 * p)
    a, b = records["level"][~test], records["level"][test]
    pooled = np.sqrt(((len(a) - 1) * a.var() + (len(b) - 1) * b.var()) / (len(a) + len(b) - 2))
    g = abs(a.mean() - b.mean()) / pooled * (1 - 3 / (4 * (len(a) + len(b) - 2) - 1))
    assert finding["counts"]["level"]["effect"] == pytest.approx(g, abs=1e-4)


def test_folds_that_are_unlike_the_rest():
    table = data()
    fold = pd.factorize(table["speaker"])[0] % 3 + 1
    split = by_speaker(table).assign(fold=fold, part=fold.astype("str"))
    records = recordings(table, sampling_rate=np.where(fold == 2, 8000.0, 16000.0))
    records["level"] += 15.0 * (fold == 2)
    finding = found(table, split, records)["train and test differ"]
    assert finding["counts"]["level"]["folds"] == 1
    assert "in 1 of 3 folds" in finding["line"]


def test_audio_that_cannot_be_read_is_left_out():
    table = data()
    records = recordings(table)
    records.loc[::2] = np.nan
    assert found(table, records=records) == {}
    assert found(table, records=records * np.nan) == {}


def test_numbers_that_go_with_the_target():
    table = data()
    rng = np.random.default_rng(0)
    table["truth"] = rng.normal(size=len(table))
    records = recordings(table, padding_end=np.where(table["truth"] > 0.5, 0.1, 0))
    finding = found(table, records=records, labels=[])["padding_end"]
    r = stats.pearsonr(table["truth"], records["padding_end"] > 0).statistic
    assert finding["grade"] == "cue" and finding["counts"]["effect"] == pytest.approx(r, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_f_test_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    y, code = rng.normal(size=(30, 2)), rng.integers(0, 3, 30)
    found = conditions.f_test(y, np.eye(3)[code], np.zeros(30, dtype=int))
    for p, column in zip(found, y.T, strict=True):
        expected = stats.f_oneway(*(column[code == i] for i in range(3))).pvalue
        assert p == pytest.approx(expected)
    # With two classes and a row of either for each speaker, it is the paired t test.
    pairs = rng.normal(size=(2, 10)) + rng.normal(size=10)
    y, who, which = pairs.reshape(-1, 1), np.tile(np.arange(10), 2), np.repeat([0, 1], 10)
    (p,) = conditions.f_test(y, np.eye(2)[which], who)
    assert p == pytest.approx(stats.ttest_rel(*pairs).pvalue)
    # What is the same in each block has no effect within it.
    assert np.isnan(conditions.f_test(np.full((20, 1), 0.1) * who[:, None], np.eye(2)[which], who))
    assert np.isnan(conditions.f_test(y[:2], np.eye(2)[which[[0, 10]]], who[[0, 10]])).all()


def test_holm_by_hand():
    assert holm([0.01, 0.04, np.nan, 0.03]) == pytest.approx(
        [0.03, 0.06, np.nan, 0.06], nan_ok=True
    )
    assert holm([]) == []


# ------------------------------------------------------------------- fitted elsewhere


def test_steps_outside_the_fold():
    steps = {"scale": "speaker", "pretrained": ["whisper-tiny"]}
    teachers = ["[DATA] soft: leak: 1 of 2 rows", "[DATA] soft: 3 rows of the test set"]
    kinds = found(data(), spec={"fitted": steps}, teachers=teachers[:1])
    assert {kind: kinds[kind]["grade"] for kind in ("transductive", "pretrained", "teacher")} == {
        **{"transductive": "leak", "pretrained": "note", "teacher": "leak"}
    }
    report = audit(
        SPEC, [data()], by_speaker(data()), labels=CLASSES, recordings=None, teachers=teachers
    )
    # The split has said so.
    assert report["warnings"] == []
    assert [f["grade"] for f in report["findings"]] == ["leak", "shift", "note"]


def test_imported_features_that_were_scaled_with_test(recwarn):
    table = data()
    split = by_speaker(table)
    train = (split["part"] == "train").to_numpy()
    raw = pd.DataFrame(np.random.default_rng(0).normal(3, 2, (len(table), 20)))
    raw.columns = [f"f{i}" for i in range(20)]
    whole = (raw - raw.mean()) / raw.std()
    finding = found(table, split, imported=whole)["imported"]
    assert finding["grade"] == "leak" and finding["counts"] == {"columns": 20, "of": 20}
    ranged = (raw - raw.min()) / (raw.max() - raw.min())
    assert "0 to 1" in found(table, split, imported=ranged)["imported"]["line"]
    fair = (raw - raw[train].mean()) / raw[train].std()
    for values in (raw, fair, raw * 0):
        assert "imported" not in found(table, split, imported=values)
    whole.loc[train, "f0"] = np.nan
    whole["f1"] = np.nan
    finding = found(table, split, imported=whole)["imported"]
    assert finding["counts"] == {"columns": 18, "of": 18}
    assert not recwarn.list
    assert fitted.imported(whole, [{"train": np.arange(144), "test": np.arange(0)}]) == []


def test_an_error_tells_all_that_flatters():
    table = data(speakers=4, sentence=[f"{e} text" for e in data(speakers=4)["truth"]])
    split = by_speaker(table, 2)
    split.loc[0, "part"] = "test"
    rate = np.where(split["part"] == "test", 8000.0, 16000.0)
    records = recordings(table, sampling_rate=rate)
    kinds = found(table, split, records)
    assert {f["grade"] for f in kinds.values()} >= {"leak", "cue", "shift"}
    with pytest.raises(UserError) as error:
        found(table, split, records, spec={"leakage": "error"})
    bad = [f["line"] for f in kinds.values() if f["grade"] in FLATTERING]
    assert error.value.problems == [f"[DATA] leakage: audit: {line}" for line in bad]
    assert len(bad) == 2
    # What makes figures worse alone is no error.
    table = data()
    records = recordings(table, sampling_rate=8000.0 * (1 + (by_speaker(table)["part"] == "test")))
    assert list(found(table, records=records, spec={"leakage": "error"})) == [
        "train and test differ"
    ]


# ---------------------------------------------------------------------- real data


def real(folder, name: str, pattern: str, step: int, store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table and fingerprints of a real database, or of a part of it."""
    paths = some(folder, pattern, step)
    labels = pd.read_csv(folder / f"{name}.csv", dtype=str).set_index("file")
    table = make_table(paths).join(labels, on="file").assign(database=name)
    table["truth"] = table["emotion"]
    spec = {"type": "fingerprint", "options": {}}
    return table, extraction.extract(spec, table, paths, store=store, threads=1)


@pytest.fixture(scope="module")
def emotional(emodb, nemo, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    return (
        real(emodb, "emodb", "wav/*.wav", 1, store),
        real(nemo, "nemo", "flac/*.flac", 4, store),
    )


def test_emodb_ends_in_silence(emotional):
    (table, records), _ = emotional
    split, report = make_split(
        {"task": "classification", "target": "emotion", "seed": 1, "databases": {"emodb": {}}},
        [table],
    )
    kinds = found(table, split, records, labels=report["labels"])
    finding = kinds["padding_end"]
    assert finding["grade"] == "cue" and finding["counts"]["of"] == 535
    assert finding["counts"]["rows"] / 535 == pytest.approx(0.23, abs=0.005)
    assert "files end in digital silence (23 %), fear 42 %, sadness 5 %" in finding["line"]
    # Ten sentences, each by all; the level tells more.
    assert kinds["same sentence"]["grade"] == "note"
    assert kinds["same sentence"]["counts"]["different"] == 10
    assert set(kinds) == {"padding_end", "same sentence", "speech properties"}


def test_emodb_and_nemo_differ(emotional):
    tables, records = zip(*emotional, strict=True)
    databases = {"emodb": {"split_strategy": "train"}, "nemo": {"split_strategy": "test"}}
    spec = {"task": "classification", "target": "emotion", "seed": 1, "databases": databases}
    split, report = make_split(spec, list(tables))
    table = pd.concat(tables, ignore_index=True)
    both = pd.concat(records, ignore_index=True)
    finding = found(table, split, both, labels=report["labels"])["train and test differ"]
    rate = finding["counts"]["sampling_rate"]
    assert (rate["train"], rate["test"], rate["effect"]) == (22050, 16000, None)
    assert "padding_end" in finding["counts"]
    # Classes that one database alone has can be told by the rate.
    labels = ["boredom", "surprised", "anger"]
    chosen = table["emotion"].isin(labels).to_numpy()
    table, both = (frame[chosen].reset_index(drop=True) for frame in (table, both))
    kinds = found(table, by_speaker(table, 6), both, labels=labels)
    assert kinds["sampling_rate"]["grade"] == "cue"
    assert "boredom 22050 Hz" in kinds["sampling_rate"]["line"]


def test_windows_of_one_file_are_known_by_their_times(monkeypatch):
    """Overlapping windows share anchors, which would be near each other by the million."""
    rng = np.random.default_rng(0)
    files, windows, hop, length = 6, 200, 0.1, 2.0
    names = Fingerprint({}).columns
    moments = np.sort(rng.uniform(0, 22, (files, 150)), axis=1)
    pictures = rng.normal(0, 5, (files, 150, 64))
    # The last file is the first one, 3 dB softer, cut by a second.
    moments[-1], pictures[-1] = moments[0] - 1, pictures[0] + rng.normal(0, 0.05, (150, 64))
    loud = rng.uniform(size=(files, 150))
    loud[-1] = loud[0]
    rows = []
    for file, start in ((f, w * hop) for f in range(files) for w in range(windows)):
        inside = np.flatnonzero((moments[file] >= start) & (moments[file] < start + length))
        four = inside[np.argsort(-loud[file][inside])[:4]]
        times = np.full(4, np.nan)
        times[: len(four)] = moments[file][four] - start
        shown = np.full((4, 64), np.nan)
        shown[: len(four)] = pictures[file][four]
        rows.append([*times, *shown.ravel()])
    prints = pd.DataFrame(rows, columns=names[-4 - 256 :])
    start = pd.to_timedelta(np.tile(np.arange(windows) * hop, files), unit="s")
    table = pd.DataFrame({"digest": np.repeat(list("abcdef"), windows), "start": start})
    table["end"] = table["start"] + pd.Timedelta(length, "s")
    monkeypatch.setattr(duplicates, "MOST", 200_000)
    found = find_copies([table], duplicates.Prints.of(prints))
    assert set(table["digest"].iloc[found.ravel()]) == {"a", "f"}
    # A window of the copy is one second earlier; each has the one with the same sound.
    shift = (found[:, 1] - 5 * windows) * hop + 1 - found[:, 0] * hop
    assert (np.abs(shift) < length).all()
    same = found[np.abs(shift) < 0.05]
    assert len(same) == windows - 10
