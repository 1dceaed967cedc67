"""Fingerprints: copies of real recordings are found, other takes of a sentence are not."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
import soundfile
from audio_tables import make_table, some

from izwi import features
from izwi.audit import duplicates
from izwi.audit.duplicates import Prints
from izwi.config.experiment import resolve
from izwi.data import audio
from izwi.errors import UserError
from izwi.features import extraction
from izwi.features.fingerprint import ANCHORS, RATE, SIZE, Fingerprint, anchors, pictures
from izwi.features.signal import COLUMNS, Signal


def prints(signals) -> pd.DataFrame:
    extractor = Fingerprint({})
    return pd.DataFrame([extractor(*signal) for signal in signals], columns=extractor.columns)


def coded(signal: np.ndarray, rate: int, kind: str, subtype: str, level: float):
    """A signal after a lossy codec."""
    stream = io.BytesIO()
    soundfile.write(stream, signal.T, rate, subtype, format=kind, compression_level=level)
    stream.seek(0)
    samples, rate = soundfile.read(stream, dtype="float32", always_2d=True)
    return samples.T, rate


def changed(signal: np.ndarray, rate: int, how: str):
    length = signal.shape[1]
    if how == "quieter":
        return signal * 0.25, rate
    if how == "resampled":
        other = 11025 if rate == 16000 else 16000
        return audio.resample(signal, rate, other), other
    if how == "mp3":
        return coded(signal, rate, "MP3", "MPEG_LAYER_III", 0.9)
    if how == "ogg":
        return coded(signal, rate, "OGG", "VORBIS", 0.9)
    if how == "trimmed":
        return signal[:, length // 10 : -length // 10], rate
    if how == "padded":
        return np.pad(signal, ((0, 0), (rate // 3 + 7, rate // 5))), rate
    if how == "stereo":
        return np.repeat(signal, 2, axis=0), rate
    return coded(signal[:, length // 12 :] * 0.5, rate, "MP3", "MPEG_LAYER_III", 0.9)


@pytest.fixture(scope="module")
def speech(emodb, nemo):
    """Recordings of one sentence by few speakers, and others."""
    labels = pd.read_csv(emodb / "emodb.csv", dtype=str)
    same = labels[(labels["sentence"] == "a01") & labels["speaker"].isin(["3", "8", "9"])]
    paths = [emodb / file for file in same["file"][:14]]
    paths += [nemo / file for file in some(nemo, "flac/*.flac", 45)]
    return [audio.read(str(path)) for path in paths]


WAYS = ("quieter", "resampled", "mp3", "ogg", "trimmed", "padded", "stereo", "trimmed, mp3")


@pytest.mark.parametrize("how", WAYS)
def test_a_copy_is_found_and_nothing_else(speech, how):
    originals, n = prints(speech), len(speech)
    copies = prints([changed(*signal, how) for signal in speech])
    both = pd.concat([originals, copies], ignore_index=True)
    found = {tuple(pair) for pair in duplicates.pairs(Prints.of(both))}
    expected = {(i, n + i) for i in range(n)}
    assert found <= expected
    # Where the loudest moments are cut off, a copy may be missed.
    assert len(found) >= n - 2 * ("trimmed" in how)


def test_takes_of_a_word_are_different_recordings(fsdd):
    """Fifty takes of a digit by one speaker each; they last half a second."""
    paths = some(fsdd, "wav/3_*.wav", 2)
    signals = [audio.read(path) for path in paths.values()]
    assert len(signals) == 150
    assert not len(duplicates.pairs(Prints.of(prints(signals))))
    copies = [(signal * 0.5, rate) for signal, rate in signals[:20]]
    found = duplicates.pairs(Prints.of(prints(signals + copies)))
    assert found.tolist() == [[i, 150 + i] for i in range(20)]


def test_anchors_are_the_loudest_moments():
    signal = np.zeros(3 * RATE)
    tone = np.sin(2 * np.pi * 500 * np.arange(800) / RATE) * np.hanning(800)
    for place, gain in ((0.5, 0.2), (1.2, 1.0), (2.0, 0.5)):
        first = round(place * RATE)
        signal[first - 400 : first + 400] += gain * tone
    places = anchors(signal)
    assert places / RATE == pytest.approx([1.2, 2.0, 0.5], abs=0.002)
    loud, soft, _ = pictures(signal, places)
    assert np.linalg.norm(loud - soft) < 0.01


def test_a_distance_is_a_difference_in_db():
    """A picture that is 6 dB up in half of its time, and 6 down in the other, is 6 dB away."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=2 * RATE)
    place = np.array([RATE])
    step = np.where(np.arange(2 * RATE) < RATE, 2.0, 0.5)
    one, other = pictures(noise, place)[0], pictures(noise * step, place)[0]
    # Without the frames that see both sides, and the coefficients that are left out.
    assert np.linalg.norm(one - other) == pytest.approx(20 * np.log10(2), rel=0.15)


def test_silence_has_no_anchors():
    silent = np.zeros((1, 8000), dtype=np.float32)
    table = prints([(silent, 8000), (silent, 8000)])
    assert table.filter(like="anchor").isna().all(axis=None)
    assert not len(duplicates.pairs(Prints.of(table)))


def test_it_is_no_feature_for_models(tmp_path, speech):
    assert "fingerprint" not in features.EXTRACTORS
    ini = "[EXP]\nname = a\n[DATA]\ndatabases = ['d']\nd = d.csv\ntarget = t\n[MODEL]\ntype = svm\n"
    (tmp_path / "a.ini").write_text(f"{ini}[FEATS]\ntype = fingerprint\n")
    with pytest.raises(UserError, match="fingerprint"):
        resolve("a.ini", cwd=tmp_path)
    table = prints(speech[:1])
    assert table.shape == (1, len(COLUMNS) + ANCHORS * (1 + SIZE))
    own = Signal({})(*speech[0]).astype(np.float32)
    assert (table[list(COLUMNS)].to_numpy()[0] == own).all()


def test_files_that_cannot_be_read_are_left_out(tmp_path):
    rng = np.random.default_rng(0)
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(size=4000) / 10, 8000)
    (tmp_path / "b.wav").write_bytes(b"no audio")
    paths = {f"{name}.wav": str(tmp_path / f"{name}.wav") for name in "abc"}
    table = make_table(paths)

    spec = {"type": "fingerprint", "options": {}}
    found = extraction.extract(
        spec, table, paths, store=tmp_path / "store", threads=1, fail_threshold=1.0
    )
    assert found["file"].tolist() == table["file"].tolist()
    assert found["duration"].isna().tolist() == [False, True, False]
    assert not len(duplicates.pairs(Prints.of(found)))


def test_blocks_change_nothing(monkeypatch):
    random = np.random.default_rng(0)
    for _ in range(5):
        level = np.interp(np.arange(30_000), np.arange(0, 30_000, 1000), random.random(30))
        samples = (level * random.normal(size=30_000)).astype(np.float32)
        whole = anchors(samples)
        with monkeypatch.context() as patched:
            patched.setattr("izwi.features.fingerprint.BLOCK", 1300)
            assert anchors(samples).tolist() == whole.tolist()
        assert len(whole) == ANCHORS
