"""Recordings become segments: speech by silero-vad, windows, what they inherit, what is told."""

import itertools
import shutil
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import soundfile
from audio_tables import make_table, some

from izwi.config.experiment import resolve
from izwi.data import audio
from izwi.errors import UserError
from izwi.segmentation import cuts, heard, inherit, segments, silero

RATE = 16_000
BASE = {
    "method": "silero",
    "selection": "all",
    "min_length": 0.0,
    "max_length": None,
    "min_rest": 0.0,
    "window": None,
    "hop": None,
    "threshold": 0.5,
    "min_speech": 0.25,
    "min_silence": 0.1,
    "pad": 0.03,
    "include_silence_borders": False,
}
needs_silero = pytest.mark.skipif(bool(silero.absent()), reason="silero-vad is not installed")


def published(probabilities, samples, threshold, speech_ms, silence_ms, pad_ms):
    """The rule of silero-vad once more, by runs of frames instead of a loop over them."""
    frame, off = 512, max(threshold - 0.15, 0.01)
    # Between both thresholds a frame belongs to what was before it.
    states = [None if off <= p < threshold else p >= threshold for p in probabilities]
    held = list(itertools.accumulate(states, lambda a, b: a if b is None else b))
    runs = [(on, len(list(group))) for on, group in itertools.groupby(bool(s) for s in held)]
    ends = np.cumsum([length for _, length in runs]) * frame
    found = []
    for (on, length), end in zip(runs, ends, strict=True):
        start = end - length * frame
        if not on:
            continue
        # A pause counts once a frame below the lower threshold lies that far behind its first.
        if found:
            low = [
                i for i in range(found[-1][1] // frame, start // frame) if probabilities[i] < off
            ]
            if (low[-1] - low[0]) * frame < silence_ms * 16:
                found[-1][1] = end
                continue
        found.append([start, end])
    if found and found[-1][1] < samples:
        low = [
            i for i in range(found[-1][1] // frame, len(probabilities)) if probabilities[i] < off
        ]
        if (low[-1] - low[0]) * frame < silence_ms * 16:
            found[-1][1] = samples
    found = [[a, min(b, samples)] for a, b in found if min(b, samples) - a > speech_ms * 16]
    pad = pad_ms * 16
    edges = [x for pair in found for x in pair]
    for i, (end, start) in enumerate(zip(edges[1:-1:2], edges[2::2], strict=True)):
        half = pad if start - end >= 2 * pad else (start - end) // 2
        edges[2 * i + 1 : 2 * i + 3] = [end + half, start - half]
    if edges:
        edges[0], edges[-1] = max(0, edges[0] - pad), min(samples, edges[-1] + pad)
    return list(zip(edges[::2], edges[1::2], strict=True))


def test_stretches_follow_the_published_rule():
    random = np.random.default_rng(3)
    for trial in range(300):
        frames = int(random.integers(1, 200))
        steps = random.normal(0, 0.25, frames).cumsum() + random.uniform(0, 1)
        probabilities = np.clip(np.abs((steps + 1) % 4 - 2) - 0.5, 0, 1)
        samples = frames * 512 - int(random.integers(0, 512))
        options = (float(random.choice([0.3, 0.5, 0.7])), *random.choice([32, 100, 250], 2), 30)
        found = silero.stretches(
            probabilities,
            samples,
            threshold=options[0],
            min_speech=options[1] / 1000,
            min_silence=options[2] / 1000,
        )
        assert found == published(probabilities, samples, *options), trial


@pytest.fixture(scope="module")
def spoken(emodb, tmp_path_factory):
    """Real speech between silences: the file, and where each utterance begins and ends."""
    pieces, known, at = [], [], 0
    noise = np.random.default_rng(1)
    for path in list(some(emodb, "wav/*W?.wav", 20).values())[:6]:
        signal = audio.resample(audio.mix(audio.read(path)[0]), audio.read(path)[1], RATE)[0]
        # Where it is loud, by its level in 10 ms.
        level = np.sqrt(np.mean(signal[: len(signal) // 160 * 160].reshape(-1, 160) ** 2, axis=1))
        loud = np.flatnonzero(level > 0.05 * level.max())
        signal = signal[loud[0] * 160 : (loud[-1] + 1) * 160]
        silence = noise.normal(0, 1e-4, RATE)
        known.append((at + len(silence), at + len(silence) + len(signal)))
        pieces += [silence, signal]
        at = known[-1][1]
    place = tmp_path_factory.mktemp("spoken") / "long.wav"
    soundfile.write(place, np.concatenate([*pieces, silence]), RATE, subtype="FLOAT")
    return place, np.array(known) / RATE


def cut(path, tmp_path, **changes):
    table = make_table({path.name: str(path)})
    spec = {**BASE, **changes}
    found = segments.cut(spec, table, {path.name: str(path)}, store=tmp_path / "store")
    return table, spec, found


@needs_silero
def test_silero_finds_planted_speech_as_a_plain_loop_over_its_frames_does(spoken, tmp_path):
    import onnxruntime

    path, known = spoken
    _, _, found = cut(path, tmp_path, min_silence=0.4, pad=0.0)
    (spans,) = found.spans
    off = np.abs(np.array(spans) / 1e9 - known)
    # A fading end of an utterance is heard as speech a little longer.
    assert np.sort(off, axis=None)[-2] < 0.1 and off.max() < 0.15
    # The other network of the package, which hears a frame at a time.
    place = find_spec("silero_vad").submodule_search_locations[0]
    session = onnxruntime.InferenceSession(f"{place}/data/silero_vad.onnx")
    signal = soundfile.read(path, dtype="float32")[0]
    state, before, values = np.zeros((2, 1, 128), "float32"), np.zeros(64, "float32"), []
    for first in range(0, len(signal), 512):
        frame = np.zeros(512, "float32")
        frame[: len(signal[first : first + 512])] = signal[first : first + 512]
        heard_now = np.concatenate([before, frame])[None]
        value, state = session.run(
            None, {"input": heard_now, "state": state, "sr": np.array(RATE, dtype="int64")}
        )
        before = frame[-64:]
        values.append(float(value[0, 0]))
    for silence in (0.4, 0.1):
        own = cut(path, tmp_path, min_silence=silence)[2].spans[0]
        wanted = published(values, len(signal), 0.5, 250, int(1000 * silence), 30)
        assert [(a / 62_500, b / 62_500) for a, b in own] == wanted


@needs_silero
def test_what_was_heard_is_kept_by_content_whatever_the_lengths(spoken, tmp_path, monkeypatch):
    path, _ = spoken
    first = cut(path, tmp_path)[2]
    monkeypatch.setattr(silero, "Silero", None)
    moved = tmp_path / "moved.wav"
    shutil.copyfile(path, moved)
    again = cut(moved, tmp_path)[2]
    assert again.spans == first.spans
    # Pieces of 1 s, a rest below 0.5 s at the last; nothing of the speech is lost.
    pieces = cut(moved, tmp_path, max_length=1.0, min_length=0.5, min_rest=0.5)[2]
    kept = [(a, b) for a, b in first.spans[0] if b - a >= 5e8]
    assert sum(b - a for a, b in pieces.spans[0]) == sum(b - a for a, b in kept)
    assert {b - a < 1.5e9 for a, b in pieces.spans[0]} == {True}
    assert pieces.left_out == len(first.spans[0]) - len(kept)


@needs_silero
def test_a_part_of_a_file_is_heard_alone_and_threads_change_nothing(spoken, tmp_path):
    path, known = spoken
    parts = [("long.wav", float(a - 0.5), float(b + 0.5)) for a, b in known]
    table = make_table({"long.wav": str(path)}, parts)
    both = [
        segments.cut(
            {**BASE, "min_silence": 0.4, "pad": 0.0},
            table,
            {"long.wav": str(path)},
            store=tmp_path / str(threads),
            threads=threads,
        )
        for threads in (1, 3)
    ]
    assert both[0].spans == both[1].spans
    result, _ = segments.segmented(BASE, table, np.arange(len(table)), both[0])
    times = np.stack([result["start"].dt.total_seconds(), result["end"].dt.total_seconds()], axis=1)
    off = np.abs(times - known)
    assert np.sort(off, axis=None)[-2] < 0.1 and off.max() < 0.15


@needs_silero
def test_recordings_without_speech_and_damaged_ones_are_counted_and_named(tmp_path):
    paths = {name: str(tmp_path / name) for name in ("hum.wav", "cut.wav", "void.wav")}
    time = np.arange(3 * RATE) / RATE
    soundfile.write(paths["hum.wav"], 0.1 * np.sin(2 * np.pi * 50 * time), RATE)
    soundfile.write(paths["void.wav"], np.zeros(RATE), RATE)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "hum.wav").read_bytes()[:3000])
    table = make_table(paths)
    found = segments.cut(BASE, table, paths, store=tmp_path / "store")
    assert found.silent == [0, 2] and list(found.reasons) == [1]
    counts, warnings, _ = segments.report("db", BASE, table, found, 0)
    assert (counts["recordings"], counts["silent"], counts["unusable"]) == (3, 2, 1)
    assert any("no speech" in line and "hum.wav, void.wav" in line for line in warnings)
    with pytest.raises(UserError, match=r"cannot use 1 of 3 rows of db") as error:
        segments.check("db", "silero", table, found, 0.1)
    assert any("cut.wav: truncated" in line for line in error.value.problems)
    with pytest.raises(UserError, match="no speech in any recording"):
        segments.check("db", "silero", table, found, 0.5)
    segments.check("db", "silero", table, found, 0.5, may_be_empty=True)


@needs_silero
def test_speech_that_cancels_out_in_the_mean_of_channels_is_named(spoken, tmp_path):
    signal, rate = soundfile.read(spoken[0], always_2d=True)
    paths = {name: str(tmp_path / name) for name in ("anti.wav", "fine.wav")}
    for name, sign in (("anti.wav", -1), ("fine.wav", 1)):
        soundfile.write(paths[name], np.hstack([signal[:, :1], sign * signal[:, :1]]), rate)
    table = make_table(paths)
    # The second time it was heard before.
    for _ in range(2):
        found = segments.cut(BASE, table, paths, store=tmp_path / "store")
        assert found.silent == [0] and found.spans[1]
        _, warnings, _ = segments.report("db", BASE, table, found, 1)
        assert any("1 of 2 rows of audio has channels that cancel out" in w for w in warnings)
        assert any("(anti.wav)" in w for w in warnings)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0, 2.4, 2.5, 7.77])
def test_windows_are_where_arithmetic_puts_them(tmp_path, seconds):
    window, hop, least = 1.0, 0.4, 0.5
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(round(seconds * 8000)), 8000)
    _, _, found = cut(path, tmp_path, method="fixed", window=window, hop=hop, min_length=least)
    number = 1 if seconds <= window else int(np.ceil(round((seconds - window) / hop, 9))) + 1
    wanted = [(hop * i, min(hop * i + window, seconds)) for i in range(number)]
    wanted = [(a, b) for a, b in wanted if b - a >= least - 1e-9]
    np.testing.assert_allclose(
        np.array(found.spans[0]).reshape(-1, 2) / 1e9, np.reshape(wanted, (-1, 2))
    )
    assert found.left_out == number - len(wanted)


def test_no_rest_of_a_long_stretch_is_lost():
    """15 s in pieces of 10 s are 10 and 5; 11 s are one piece, since 1 s would be left."""
    assert cuts.bounded([(0, 15)], 0, 10, 2) == [(0, 10), (10, 15)]
    assert cuts.bounded([(0, 11), (20, 41)], 0, 10, 2) == [(0, 11), (20, 30), (30, 41)]
    assert cuts.bounded([(0, 1), (3, 9)], 2, 5, 2) == [(3, 9)]


def test_gaps_are_what_no_segment_covers():
    spans = [(3, 5), (4, 9), (12, 13), (13, 15)]
    for borders in (False, True):
        covered = np.zeros(20, dtype=bool)
        for start, end in spans:
            covered[start:end] = True
        if not borders:
            covered[:3] = covered[15:] = True
        missing = np.concatenate(
            [np.arange(a, b) for a, b in cuts.gaps(spans, 20, borders=borders)]
        )
        assert list(missing) == list(np.flatnonzero(~covered))
    assert cuts.gaps([], 20, borders=True) == [(0, 20)] and cuts.gaps([], 20, borders=False) == []


def test_segments_inherit_all_of_their_recording_and_stay_on_its_side(tmp_path):
    random, paths, rows = np.random.default_rng(0), {}, []
    for number in range(12):
        name = f"{number:02}.wav"
        paths[name] = str(tmp_path / name)
        soundfile.write(paths[name], random.normal(0, 0.1, int(random.uniform(2, 9) * 4000)), 4000)
        rows.append({"speaker": f"s{number % 4}", "truth": "ab"[number % 2], "mood": number})
    table = pd.concat([make_table(paths), pd.DataFrame(rows)], axis=1)
    spec = {**BASE, "method": "fixed", "window": 1.0, "hop": 0.5, "selection": "train"}
    split = table[["file", "start", "end", "speaker"]].assign(
        database="db", part=["train", "test"] * 5 + ["dev", ""], fold=0, dev_folds=""
    )
    chosen = np.flatnonzero(split["part"] == "train")
    found = segments.cut(spec, table.iloc[chosen].reset_index(drop=True), paths, store=tmp_path)
    result, all_cuts = segments.segmented(spec, table, chosen, found)
    by_file = table.set_index("file")
    for column in ("speaker", "truth", "mood", "digest"):
        assert list(result[column]) == list(by_file.loc[result["file"], column])
    report = {"labels": ["a", "b"], "warnings": [], "speakers": {"train": 0, "dev": 0, "test": 0}}
    inherited, more = inherit.split_of(
        {"task": "classification", "described": True},
        split,
        [len(table)],
        [result],
        [all_cuts],
        report,
    )
    own = split.set_index("file")["part"]
    assert list(inherited["part"]) == list(own.loc[result["file"]])
    assert (inherited.groupby("file")["part"].nunique() == 1).all()
    # Only recordings of the training part were cut; the others are whole.
    whole = inherited["end"].isna()
    assert set(inherited.loc[whole, "part"]) == {"test", "dev", ""}
    assert set(inherited.loc[~whole, "part"]) == {"train"}
    assert more["counts"]["train"] == int((~whole).sum()) == sum(map(len, found.spans))
    assert more["speakers"]["train"] == own.eq("train").groupby(by_file["speaker"]).any().sum()
    # Those of a second database take the parts of its own recordings.
    other = split.assign(database="other", part=list(split["part"])[::-1])
    both, _ = inherit.split_of(
        {"task": "classification", "described": True},
        pd.concat([split, other], ignore_index=True),
        [len(table)] * 2,
        [result, result.assign(database="other")],
        [all_cuts] * 2,
        report,
    )
    assert list(both["database"]) == ["db"] * len(result) + ["other"] * len(result)
    assert list(both["part"][: len(result)]) == list(inherited["part"])
    turned = other.set_index("file")["part"].loc[result["file"]]
    assert list(both["part"][len(result) :]) == list(turned)


INI = """
[EXP]
name = one
{exp}
[DATA]
databases = ['demo']
demo.type = demo
target = emotion
{data}
[SEGMENT]
{segment}
[FEATS]
type = os
{model}
"""
SVM = "[MODEL]\ntype = svm"


def resolved(tmp_path, segment, model=SVM, data="", exp=""):
    text = INI.format(segment=segment, model=model, data=data, exp=exp)
    (tmp_path / "one.ini").write_text(text)
    return resolve("one.ini", cwd=tmp_path)


def test_the_section_is_a_note_where_a_model_is_trained_unless_data_say_so(tmp_path):
    fixed = "method = fixed\nwindow = 2"
    without = resolved(tmp_path, fixed)
    assert without.segmentation is None
    assert any("DATA.segment = True" in note for note in without.notes)
    asked = resolved(tmp_path, fixed, data="segment = True").segmentation
    assert (asked["window"], asked["hop"], asked["min_length"]) == (2, 2, 1)
    assert resolved(tmp_path, fixed, model="").segmentation == asked
    assert resolved(tmp_path, "method = pyannote").segmentation is None
    with pytest.raises(UserError, match="pyannote is not built"):
        resolved(tmp_path, "method = pyannote", model="")


@needs_silero
def test_lengths_have_defaults_and_are_checked(tmp_path):
    found = resolved(tmp_path, "max_length = 10", model="", exp="sample_selection = train")
    assert found.segmentation["min_length"] == 0 and found.segmentation["min_rest"] == 2
    assert found.segmentation["selection"] == "train"
    both = resolved(tmp_path, "max_length = 10\nmin_length = 3", model="").segmentation
    assert both["min_length"] == both["min_rest"] == 3
    assert resolved(tmp_path, "max_length = False", model="").segmentation["min_length"] == 0
    for text, message in (
        ("max_length = 3\nmin_length = 4", "more than max_length"),
        ("method = fixed", "window: missing"),
        ("method = fixed\nwindow = 1\nmin_length = 2", "more than the window"),
    ):
        with pytest.raises(UserError, match=message):
            resolved(tmp_path, text, model="")
    with pytest.raises(UserError, match="in cross-validation"):
        resolved(
            tmp_path,
            "sample_selection = train",
            model="[MODEL]\ntype = svm\nlogo = 4",
            data="segment = True",
        )


def test_an_absent_package_is_told_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"method: silero needs onnxruntime and silero-vad"):
        resolved(tmp_path, "method = silero", model="")


def test_the_lengths_of_rows_come_from_headers(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(10_000), 8000)
    parts = [("a.wav", 0, None), ("a.wav", 0.25, 1.0), ("a.wav", 0.5, None), ("a.wav", 2, None)]
    table = make_table({"a.wav": str(path)}, parts)
    found, reasons = heard.lengths(table, {"a.wav": str(path)})
    assert found == [1_250_000_000, 750_000_000, 750_000_000, None]
    assert "the file ends at 1.250 s" in reasons[3]
