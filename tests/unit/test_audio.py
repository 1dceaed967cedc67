from __future__ import annotations

import os
from pathlib import Path

import audiofile
import audresample
import numpy as np
import pandas as pd
import pytest
import soundfile

from izwi.data import audio


@pytest.fixture(scope="module")
def speech(emodb: Path) -> tuple[str, np.ndarray, int]:
    path = str(emodb / "wav" / "03a01Fa.wav")
    signal, rate = soundfile.read(path, dtype="float32")
    return path, signal, rate


def reason(path: Path | str, *times: float) -> str:
    with pytest.raises(audio.AudioError) as error:
        audio.read(str(path), *times)
    return str(error.value)


def test_whole_file(speech):
    path, signal, rate = speech
    read, its_rate = audio.read(path)
    assert its_rate == rate == 22050
    assert read.shape == (1, 44100)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read[0], signal)


def test_parts_are_exact_samples(speech):
    path, signal, _ = speech
    read, _ = audio.read(path, 0.5, 1.25)
    np.testing.assert_array_equal(read[0], signal[11025:27563])
    read, _ = audio.read(path, pd.Timedelta("0.1s"), pd.NaT)
    np.testing.assert_array_equal(read[0], signal[2205:])


@pytest.mark.parametrize("start, end", [(0.0333, 0.7), (0.12345, 0.98765), (1.00001, 1.9)])
def test_parts_as_audiofile_reads_them(speech, start, end):
    path, _, _ = speech
    expected, _ = audiofile.read(path, offset=start, duration=end - start, always_2d=True)
    np.testing.assert_array_equal(audio.read(path, start, end)[0], expected)


@pytest.mark.parametrize(
    "name, subtype",
    [("a.flac", None), ("a.ogg", None), ("a.mp3", None), ("a.opus", "OPUS"), ("a.wav", "FLOAT")],
)
def test_formats_whole_and_in_parts(speech, tmp_path, name, subtype):
    _, signal, _ = speech
    rate = 48000
    signal = audresample.resample(signal, 22050, rate)[0]
    path = str(tmp_path / name)
    kind = "OGG" if name.endswith("opus") else None
    soundfile.write(path, signal, rate, subtype=subtype, format=kind)
    whole, its_rate = audio.read(path)
    assert its_rate == rate
    np.testing.assert_array_equal(whole[0], soundfile.read(path, dtype="float32")[0])
    spans = [(0, 200_000_000), (500_000_000, 750_000_000), (100_000_000, None)]
    limits = [(0, 9600), (24000, 36000), (4800, None)]
    parts = list(audio.read_parts(path, spans))
    for (part, _), (first, stop) in zip(parts, limits, strict=True):
        np.testing.assert_array_equal(part, whole[:, first:stop])


def test_stereo_is_averaged(tmp_path, speech):
    _, signal, rate = speech
    path = str(tmp_path / "stereo.wav")
    soundfile.write(path, np.stack([signal, signal[::-1]], axis=1), rate, subtype="FLOAT")
    read, _ = audio.read(path)
    assert read.shape == (2, 44100)
    mixed = audio.mix(read)
    assert mixed.shape == (1, 44100)
    np.testing.assert_array_equal(mixed, audresample.remix(read, mixdown=True))


def test_resample(speech):
    path, _, _ = speech
    signal, rate = audio.read(path)
    assert audio.resample(signal, rate, rate) is signal
    assert audio.resample(signal, rate, 16000).shape == (1, 32000)


def test_reasons(tmp_path, speech):
    path, signal, rate = speech
    assert reason(tmp_path / "none.wav") == "missing"
    (tmp_path / "empty.wav").touch()
    assert "empty" in reason(tmp_path / "empty.wav")
    (tmp_path / "text.wav").write_text("no audio, sorry")
    assert reason(tmp_path / "text.wav").startswith("unreadable")
    soundfile.write(tmp_path / "zero.wav", np.zeros(0), rate)
    assert reason(tmp_path / "zero.wav") == "no audio in it"
    broken = signal.copy()
    broken[100] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, rate, subtype="FLOAT")
    assert "not finite" in reason(tmp_path / "nan.wav")
    assert reason(path, 2.5, 3.0) == "starts at 2.500 s, the file ends at 2.000 s"
    assert reason(path, 1.0, 2.5) == "ends at 2.500 s, the file ends at 2.000 s"
    assert "before its start" in reason(path, 1.0, 0.5)
    assert reason(path, 200.0, 1500.0).endswith("look like milliseconds: divide them by 1000")
    assert reason(path, 0.0, 1500.0).endswith("look like milliseconds: divide them by 1000")
    assert reason(path, 1.5 * rate, None).endswith(f"look like samples: divide them by {rate}")
    assert reason(path, 3.0 * rate, None).endswith("the file ends at 2.000 s")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg"])
def test_cut_files_are_told(tmp_path, speech, name):
    _, signal, rate = speech
    path = tmp_path / name
    soundfile.write(path, signal, rate)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert reason(path)


def test_header_of_a_stream_is_no_cut(tmp_path, speech):
    path, signal, _ = speech
    raw = bytearray(Path(path).read_bytes())
    at = raw.index(b"data") + 4
    raw[4:8] = raw[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "piped.wav").write_bytes(raw)
    read, _ = audio.read(str(tmp_path / "piped.wav"))
    np.testing.assert_array_equal(read[0], signal)


def test_end_may_be_rounded_up_a_little(speech):
    path, signal, _ = speech
    assert audio.read(path, 1.0, 2.005)[0].shape[1] == len(signal) - 22050


def test_one_bad_part_leaves_the_others(speech):
    path, _, _ = speech
    parts = [part for part, _ in audio.read_parts(path, [(5 * 10**9, None), (0, 10**9)])]
    assert isinstance(parts[0], audio.AudioError)
    assert parts[1].shape == (1, 22050)


def test_a_folder_is_missing_audio(tmp_path):
    os.mkdir(tmp_path / "a.wav")
    assert reason(tmp_path / "a.wav") == "missing"


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_too_much_audio_is_refused_before_it_is_decoded(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"long{suffix}"
    soundfile.write(path, np.zeros((80_000, 2), dtype=np.float32), 8000)
    assert audio.read(str(path), most=audio.Bounds(samples=160_000, seconds=10))[0].size == 160_000

    def none_is_decoded(*_, **__):
        raise AssertionError("decoded before its size was looked at")

    monkeypatch.setattr(soundfile.SoundFile, "read", none_is_decoded)
    for bounds, words in (
        (audio.Bounds(samples=159_999), "80000 samples on 2 channels"),
        (audio.Bounds(seconds=9.9), "10 s long"),
    ):
        with pytest.raises(audio.AudioError, match=words):
            audio.read(str(path), most=bounds)
    monkeypatch.setattr(audio, "RATES", (8001, 9000))
    assert "sampling rate of 8000 Hz" in reason(path)


def test_a_part_of_long_audio_is_read(tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(80_000, dtype=np.float32), 8000)
    parts = list(
        audio.read_parts(str(path), [(0, None), (10**9, 2 * 10**9)], audio.Bounds(samples=8000))
    )
    assert isinstance(parts[0][0], audio.AudioError) and parts[1][0].shape == (1, 8000)


@pytest.mark.parametrize("rate", [1, 999, 655_350])
def test_rates_that_no_speech_has_are_refused(tmp_path, rate):
    path = tmp_path / "odd.flac"
    soundfile.write(path, np.zeros(1000, dtype=np.float32), rate)
    assert f"sampling rate of {rate} Hz" in reason(path)
