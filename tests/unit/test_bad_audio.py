"""Audio of every kind that users have, by every way that reads it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import soundfile
from audio_tables import make_table

from izwi import features, splits
from izwi.data import bad_audio, channels, description
from izwi.engine.plan import Plan, Unit
from izwi.errors import UserError
from izwi.features import extraction
from izwi.reporting.texts import table1
from izwi.training import fit_predict

RATE = 16000
OS = {"type": "os", "options": {}}


def tone(seconds: float, rate: int = RATE, number: int = 1) -> np.ndarray:
    """Something voiced, shape (samples, channels)."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(1).normal(0, 0.01, len(t))
    signal = 0.3 * np.sin(2 * np.pi * 150 * t) + 0.1 * np.sin(2 * np.pi * 900 * t) + noise
    return np.stack([signal] * number, axis=1)


def write(path: Path, signal: np.ndarray, rate: int = RATE, **how) -> bytes:
    soundfile.write(path, signal, rate, **how)
    return path.read_bytes()


# What is wrong with a file, and a word of its reason.
BAD = {
    "missing.wav": "missing",
    "folder.wav": "missing",
    "empty.wav": "empty",
    "header_alone.wav": "truncated, 0 of",
    "half_a_header.wav": "unreadable",
    "truncated.wav": "truncated, 15978 of 32000 bytes",
    "truncated.mp3": "truncated",
    "truncated.flac": "unreadable",
    "truncated.ogg": "no audio in it",
    "truncated.opus": "unreadable",
    "corrupt.flac": "unreadable",
    "noise.wav": "unreadable",
    "text.wav": "unreadable",
    "no_frames.wav": "no audio in it",
    "nan.wav": "not finite",
    "infinite.wav": "not finite",
    "1_ms.wav": "too short",
    "50_ms.wav": "too short",
}


@pytest.fixture(scope="module")
def audio(tmp_path_factory) -> dict[str, str]:
    """Files by name, good ones among them."""
    folder = tmp_path_factory.mktemp("audio")
    whole = {"wav": write(folder / "whole.wav", tone(1))}
    for ending, how in {
        "mp3": {},
        "flac": {},
        "ogg": {},
        "opus": {"format": "OGG", "subtype": "OPUS"},
    }.items():
        whole[ending] = write(folder / f"whole.{ending}", tone(1), **how)
    for ending, content in whole.items():
        (folder / f"truncated.{ending}").write_bytes(content[: len(content) // 2])
    middle = len(whole["flac"]) // 2
    damaged = bytes(byte ^ 0xFF for byte in whole["flac"][middle : middle + 40])
    (folder / "corrupt.flac").write_bytes(
        whole["flac"][:middle] + damaged + whole["flac"][middle + 40 :]
    )
    (folder / "folder.wav").mkdir()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "header_alone.wav").write_bytes(whole["wav"][:44])
    (folder / "half_a_header.wav").write_bytes(whole["wav"][:20])
    (folder / "noise.wav").write_bytes(np.random.default_rng(0).bytes(5000))
    (folder / "text.wav").write_text("file,emotion\n" * 20)
    write(folder / "no_frames.wav", tone(0))
    for name, value in (("nan", np.nan), ("infinite", np.inf)):
        signal = tone(1)
        signal[100] = value
        write(folder / f"{name}.wav", signal, subtype="FLOAT")
    for ms in (1, 50, 100):
        write(folder / f"{ms}_ms.wav", tone(ms / 1000))
    write(folder / "silent.wav", np.zeros(RATE))
    write(folder / "clipped.wav", np.clip(tone(1) * 100, -1, 1))
    for rate in (8000, 44100, 192000):
        write(folder / f"{rate}_hz.wav", tone(1, rate), rate)
    for number in (2, 5, 8):
        write(folder / f"{number}_channels.wav", tone(1, RATE, number))
    (folder / "flac_as.wav").write_bytes(whole["flac"])
    (folder / "wav_as.mp3").write_bytes(whole["wav"])
    paths = {path.name: str(path) for path in sorted(folder.iterdir())}
    return paths | {"missing.wav": str(folder / "missing.wav")}


@pytest.mark.parametrize(
    "spec",
    [
        OS,
        {"type": "os", "options": {"level": "lld"}},
        {"type": "praat", "options": {}},
        {"type": "spectra", "options": {}},
    ],
    ids=["functionals", "lld", "praat", "spectra"],
)
def test_bad_files_are_told_with_reasons_and_all_others_are_used(audio, tmp_path, spec):
    # An analysis of any length pads what is short.
    short = {"1_ms.wav", "50_ms.wav"} if spec["type"] == "spectra" else set()
    table = make_table(audio)
    said: list[str] = []
    with pytest.raises(features.BadFiles) as told:
        extraction.extract(spec, table, audio, store=tmp_path, threads=1, progress=said.append)
    reasons = dict(told.value.rows)
    assert set(reasons) - short == set(BAD) - short
    for name, word in BAD.items():
        assert name in short or word in reasons[name], (name, reasons[name])
    assert f"{len(reasons)} of {len(table)} rows" in told.value.problems[0]

    share = len(reasons) / len(table)
    warned: list[str] = []
    matrix = extraction.extract(
        spec, table, audio, store=tmp_path, threads=1, fail_threshold=share, warn=warned.append
    )
    pd.testing.assert_frame_equal(
        matrix[["file", "start", "end"]], table[["file", "start", "end"]], check_dtype=False
    )
    out = {matrix["file"].iloc[row]: reason for row, reason in matrix.attrs["excluded"]}
    assert out == reasons
    values = matrix.iloc[:, 3:].to_numpy()
    bad = table["file"].isin(reasons).to_numpy()
    assert np.isnan(values[bad]).all()
    assert not np.isinf(values).any() and not np.isnan(values[~bad]).all(axis=1).any()
    good = table[~bad].reset_index(drop=True)
    alone = extraction.extract(spec, good, audio, store=tmp_path, threads=1)
    np.testing.assert_array_equal(values[~bad], alone.iloc[:, 3:].to_numpy())
    assert "excluded" not in alone.attrs
    with pytest.raises(features.BadFiles, match="more than fail_threshold"):
        extraction.extract(spec, table, audio, store=tmp_path, threads=1, fail_threshold=0.1)


@pytest.mark.parametrize("rows", [1, 3, 1000])
@pytest.mark.parametrize(
    "spec",
    [OS, {"type": "praat", "options": {}}, {"type": "wave", "options": {"seconds": 2.0}}],
    ids=["functionals", "praat", "wave"],
)
def test_a_matrix_written_in_blocks_is_the_whole(audio, tmp_path, monkeypatch, spec, rows):
    # Unusable rows make up the first block, where rows come one by one.
    names = ["empty.wav", "whole.wav", "8000_hz.wav", "missing.wav", "2_channels.wav", "whole.flac"]
    table = make_table({name: audio[name] for name in names if name in audio})
    table = pd.concat([table, table.iloc[[1]]], ignore_index=True)
    share = {"fail_threshold": 0.9}
    whole = extraction.extract(spec, table, audio, store=tmp_path / "s", threads=1, **share)
    assert len(whole) > 3 and whole.attrs["excluded"]
    monkeypatch.setattr(extraction, "BLOCK_VALUES", rows * (whole.shape[1] - 3))
    found = extraction.Extraction(spec, table, audio, store=tmp_path / "s", threads=1)
    found.run(**share)
    features_of = found.write(tmp_path / "matrix.parquet")
    written = pd.read_parquet(tmp_path / "matrix.parquet")
    whole.to_parquet(tmp_path / "whole.parquet", index=False)
    expected = pd.read_parquet(tmp_path / "whole.parquet")
    pd.testing.assert_frame_equal(written, expected)
    assert written.attrs == expected.attrs == whole.attrs
    assert features_of == list(whole.columns[3:])
    groups = pq.ParquetFile(tmp_path / "matrix.parquet").num_row_groups
    assert groups == (1 if spec["type"] == "wave" else -(-len(table) // rows))


def test_recordings_for_finetuning_can_be_left_out_too(audio, tmp_path):
    names = ["whole.wav", "empty.wav", "8000_hz.wav"]
    table = make_table({name: audio[name] for name in names})
    spec = {"type": "wave", "options": {"seconds": 2.0}}
    matrix = extraction.extract(spec, table, audio, store=tmp_path, threads=1, fail_threshold=0.4)
    matrix.to_parquet(tmp_path / "wave.parquet", index=False)
    matrix = pd.read_parquet(tmp_path / "wave.parquet")
    assert [row for row, _ in matrix.attrs["excluded"]] == [1]
    assert [0 if array is None else len(array) for array in matrix.iloc[:, 3]] == [RATE, 0, RATE]


def test_nothing_is_made_of_bad_files_alone(audio, tmp_path):
    table = make_table({"empty.wav": audio["empty.wav"]})
    with pytest.raises(features.BadFiles, match="cannot use 1 of 1"):
        extraction.extract(OS, table, audio, store=tmp_path, threads=1, fail_threshold=1.0)


def samples(n: int, bad: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of two classes that features tell apart, and features, some of them unusable."""
    rng = np.random.default_rng(3)
    truth = np.array(["a", "b"])[np.arange(n) % 2]
    times = {"start": pd.to_timedelta([0] * n), "end": pd.to_timedelta([None] * n)}
    table = pd.DataFrame({"database": "d", "file": [f"{i}.wav" for i in range(n)], **times})
    table = table.assign(
        speaker=[f"s{i // 2 % 5}" for i in range(n)], digest=table["file"], truth=truth
    )
    values = np.where(truth == "a", 0.0, 3.0)[:, None] + rng.normal(size=(n, 2))
    values[bad] = np.nan
    matrix = table[["file", "start", "end"]].assign(x=values[:, 0], y=values[:, 1])
    matrix.attrs["excluded"] = [[row, "truncated"] for row in bad]
    return table, matrix


SPEC = {
    "task": "classification",
    "model": {"type": "knn", "options": {"K_val": 3}},
    "features": [],
    "preprocessing": {"scale": "standard", "features": None},
    "runs": 1,
    "seed": 1,
    "measure": "uar",
    "save": False,
}
SPLIT = {
    "task": "classification",
    "target": "truth",
    "seed": 1,
    "databases": {"d": {"split_strategy": ["s3", "s4"]}},
}


@pytest.mark.parametrize("logo", [None, 5])
def test_what_is_left_out_counts_nowhere_and_is_named(tmp_path, logo):
    """The same figures as without these files in the database."""
    bad = [0, 7, 36]
    table, matrix = samples(40, bad)
    keep = [row for row in range(40) if row not in bad]
    less, only = table.iloc[keep], matrix.drop(index=bad)
    only.attrs = {}
    results = []
    for t, m in (
        (table, matrix),
        (less.reset_index(drop=True), only.reset_index(drop=True)),
    ):
        split, report = splits.make_split({**SPLIT, "logo": logo}, [t])
        folder = tmp_path / str(len(t))
        results.append(fit_predict.train(SPEC, [t], [[m]], split, report["labels"], folder))
    (predictions, report), (without, plain) = results
    columns = ["file", "prediction", "p_a", "p_b"]
    pd.testing.assert_frame_equal(predictions[columns], without[columns])
    assert report["counts"] == plain["counts"] and "excluded" not in plain
    assert report["excluded"]["n"] == 3 == sum(report["excluded"]["parts"].values())
    assert [entry["file"] for entry in report["excluded"]["files"]] == ["0.wav", "7.wav", "36.wav"]
    if not logo:
        # Speakers of two rows each, in turn: s0, s3 and s3.
        assert report["excluded"]["parts"] == {"test": 2, "train": 1}
        assert report["excluded"]["classes"] == {"train": {"a": 1}, "test": {"b": 1, "a": 1}}


@pytest.mark.parametrize("folds", [0, 4])
def test_table_1_says_how_many_of_its_samples_were_used(folds):
    table, matrix = samples(40, [0, 7, 36])
    table["truth"] = table["truth"].astype(object)
    part = np.where(np.arange(40) < 24, "train", "test").astype(object)
    part[39] = ""
    fold = np.where(part == "", 0, np.arange(40) % 4 + 1) if folds else 0
    if folds:
        part = np.where(part == "", "", np.asarray(fold).astype(str)).astype(object)
    split = table[["database", "file", "start", "end", "speaker"]].assign(
        part=part, fold=fold, dev_folds=""
    )
    _, excluded = bad_audio.leave_out([table], [[matrix]], split)
    found = description.describe(table, split, ["a", "b"])
    record = {"name": "x", "target": "t", "databases": [{"name": "d"}], "model": {"type": "svm"}}
    text = table1.markdown(record, {"excluded": excluded}, found)
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    assert header[2:5] == ["files", "used", "speakers"] and "audio could be used" in text
    for of, label, files, used, *_ in rows:
        own = pd.Series(part != "" if of == "all" else part == of.removeprefix("fold "))
        own &= (table["truth"] == label) | (label == "all")
        assert int(files) == own.sum()
        assert int(used) == own.sum() - own[[0, 7, 36]].sum()
    assert "used" in table1.latex(record, {"excluded": excluded}, found)
    # Bins of each fold are not known here; without bad files there is no such column.
    unknown = {**excluded, "classes": {}}
    assert "–" in table1.markdown(record, {"excluded": unknown}, found)
    for none in ({}, {"excluded": {**excluded, "parts": {"unused": 3}}}):
        assert "used" not in table1.markdown(record, none, found).replace("unused", "")


@pytest.mark.parametrize(
    ("speakers", "words"),
    [
        (["s3", "s4"], "no row in test"),
        (["s0", "s1", "s2"], "no row in train"),
    ],
)
def test_too_little_is_left(tmp_path, speakers, words):
    table, _ = samples(40, [])
    bad = table.index[table["speaker"].isin(speakers)].tolist()
    table, matrix = samples(40, bad)
    split, report = splits.make_split(SPLIT, [table])
    with pytest.raises(UserError, match=rf"\[FEATS\] fail_threshold: without .*{words}"):
        fit_predict.train(SPEC, [table], [[matrix]], split, report["labels"], tmp_path)
    other, report = splits.make_split({**SPLIT, "logo": 5}, [table])
    with pytest.raises(UserError, match=r"fold \d: without .*no row in test"):
        fit_predict.train(SPEC, [table], [[matrix]], other, report["labels"], tmp_path)


def test_one_class_is_left(tmp_path):
    table, _ = samples(40, [])
    bad = table.index[table["truth"].eq("b") & ~table["speaker"].isin(["s3", "s4"])].tolist()
    table, matrix = samples(40, bad)
    split, report = splits.make_split(SPLIT, [table])
    with pytest.raises(UserError, match="a alone in train"):
        fit_predict.train(SPEC, [table], [[matrix]], split, report["labels"], tmp_path)


def test_the_lists_of_all_feature_sets_become_one(tmp_path):
    plan = Plan(str(tmp_path), str(tmp_path / "cache"))
    for name in ("os", "praat"):
        matrix = str(tmp_path / f"{name}.parquet")
        plan.units["features"][name] = Unit("features", name, name, {}, {}, {"matrix": matrix})
    assert bad_audio.gather(plan) is None
    place = bad_audio.list_of(str(tmp_path / "os.parquet"))
    bad_audio.write_list(
        place, [("d", "os", "=1+1.wav", "empty"), ("d", "os", "b,c.wav", "missing")]
    )
    assert bad_audio.gather(plan) == tmp_path / "bad_files.csv"
    with open(tmp_path / "bad_files.csv", newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [
            ["database", "features", "file", "reason"],
            ["d", "os", "'=1+1.wav", "empty"],
            ["d", "os", "b,c.wav", "missing"],
        ]
    place.unlink()
    assert bad_audio.gather(plan) is None and not (tmp_path / "bad_files.csv").exists()


# ------------------------------------------------------------------- channels


def channels_of(kind: str, seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    """A recording of a kind, shape (samples, channels)."""
    rng = np.random.default_rng(sum(map(ord, kind)))
    speech = tone(seconds, rate)[:, 0] * (np.arange(round(seconds * rate)) % 9000 < 6000)
    noise = [rng.normal(0, 0.001, len(speech)) for _ in range(4)]
    return {
        "mono": lambda: speech[:, None],
        "the same": lambda: np.stack([speech, speech], axis=1),
        "stereo": lambda: np.stack([speech + noise[0], 0.4 * speech + noise[1]], axis=1),
        "delayed": lambda: np.stack([speech, np.roll(speech, 40)], axis=1),
        "two speakers": lambda: np.stack([speech, 100 * noise[2]], axis=1),
        "a quiet one": lambda: np.stack([speech, 0.01 * speech], axis=1),
        "four": lambda: np.stack([speech + 5 * n for n in noise], axis=1),
        "four of noise": lambda: np.stack(noise, axis=1),
        "antiphase": lambda: np.stack([speech, -speech], axis=1),
        "antiphase, noisy": lambda: np.stack([speech + noise[0], noise[1] - speech], axis=1),
        "antiphase, offset": lambda: np.stack([speech + 0.2, 0.2 - speech], axis=1),
        "one silent": lambda: np.stack([speech, 0 * speech], axis=1),
        "one silent, noisy": lambda: np.stack([1e-5 * noise[0], speech], axis=1),
        "one silent, offset": lambda: np.stack([speech, 0 * speech + 0.1], axis=1),
        "silent": lambda: np.zeros((len(speech), 2)),
        "silent, mono": lambda: np.full((len(speech), 1), 0.25),
    }[kind]()


FINE = ["mono", "the same", "stereo", "delayed", "two speakers", "a quiet one", "four"]
FINE += ["four of noise"]
ODD = ["antiphase", "antiphase, noisy", "antiphase, offset", "one silent", "one silent, noisy"]
ODD += ["one silent, offset", "silent", "silent, mono"]


@pytest.mark.parametrize("kind", [*FINE, *ODD])
@pytest.mark.parametrize("seconds", [0.02, 2.0])
def test_channels_that_leave_nothing_in_their_mean(monkeypatch, kind, seconds):
    # A long one is looked at in several blocks.
    monkeypatch.setattr(channels, "BLOCK", 5000)
    signal = channels_of(kind, seconds).T.astype(np.float32)
    found = channels.oddity(signal)
    assert found == ("" if kind in FINE else kind.split(",")[0])
    # In decibels, what it means.
    power = float(np.var(signal, axis=1, dtype=np.float64).mean())
    mean = float(np.var(signal.mean(axis=0, dtype=np.float64)))
    if found == "antiphase":
        assert 10 * np.log10((mean + 1e-20) / power) < -20
    elif found in ("", "one silent") and len(signal) == 2:
        assert 10 * np.log10(mean / power) > -10


def stereo(tmp_path, kinds):
    (tmp_path / "wav").mkdir()
    for i, kind in enumerate(kinds):
        write(tmp_path / f"wav/{i}.wav", channels_of(kind), subtype="FLOAT")
    return {f"{i}.wav": str(tmp_path / f"wav/{i}.wav") for i in range(len(kinds))}


@pytest.mark.parametrize("spec", [OS, {"type": "spectra", "options": {}}])
def test_odd_channels_are_counted_and_named_also_where_features_are_stored(tmp_path, spec):
    kinds = ["antiphase", "stereo", "one silent", *["antiphase"] * 4, "silent", "mono"]
    files = stereo(tmp_path, kinds)
    table, store = make_table(files), tmp_path / "s"
    for threads in (2, 1):
        found = extraction.Extraction(spec, table, files, store=store, threads=threads)
        found.run()
        lines = found.odd_channels()
        assert len(lines) == 3
        assert lines[0].startswith("5 of 9 rows of audio have channels that cancel out")
        assert lines[0].endswith("(0.wav, 3.wav, 4.wav, … and 2 more)")
        assert lines[1].startswith("1 of 9 rows of audio has a channel without a sound")
        assert lines[1].endswith("(2.wav)") and lines[2].endswith("(7.wav)")
    # Other rows of the store are none of this table's.
    rest = table[table["file"].isin(["1.wav", "8.wav"])]
    found = extraction.Extraction(spec, rest, files, store=store, threads=1)
    found.run()
    assert found.odd_channels() == []
    # What others may have written there is not told as it stands.
    if spec is OS:
        digest = table["digest"].iloc[1]
        (store / "channels-1.jsonl").write_text(f'["{digest}", 0, -1, "pwned"]\n["a"\n{{}}\n3\n')
        assert found.odd_channels() == []


def test_features_that_hear_each_channel_are_not_of_silence(tmp_path):
    files = stereo(tmp_path, ["antiphase", "stereo"])
    spec = {"type": "signal", "options": {}}
    found = extraction.Extraction(spec, make_table(files), files, store=tmp_path / "s", threads=1)
    found.run()
    assert found.odd_channels() == []
