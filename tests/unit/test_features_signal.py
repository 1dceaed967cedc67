"""Properties of recordings, against sums by hand on signals and on real files."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile
from audio_tables import make_table, some

from izwi.features import extraction
from izwi.features.signal import FLOOR, Signal

SPEC = {"type": "signal", "options": {}}
RATE = 8000


def of(signal, rate: int = RATE) -> dict[str, float]:
    extractor = Signal({})
    vector = extractor(np.atleast_2d(np.asarray(signal, dtype=np.float32)), rate)
    assert vector.dtype == np.float64 and np.isfinite(vector).all()
    return dict(zip(extractor.columns, vector.tolist(), strict=True))


def test_a_tone_between_paddings():
    tone = 0.5 * np.sin(2 * np.pi * 100 * (np.arange(RATE) + 0.5) / RATE)
    found = of(np.concatenate([np.zeros(RATE // 4), tone, np.zeros(RATE // 2)]))
    assert found["duration"] == 1.75
    assert (found["sampling_rate"], found["channels"]) == (RATE, 1)
    assert (found["padding_start"], found["padding_end"]) == (0.25, 0.5)
    # A sine of half the full scale has the power 1/8, here for 1 of 1.75 s.
    assert found["level"] == pytest.approx(10 * math.log10(1 / 8 / 1.75), abs=1e-4)
    assert found["peak"] == pytest.approx(20 * math.log10(0.5), abs=1e-2)
    # 87.5 frames of 160 samples: the 12.5 before the tone and the 25 after it are halves short.
    assert found["silence"] == pytest.approx((12 + 24) / 87)
    assert found["noise_floor"] == FLOOR
    assert found["offset"] == pytest.approx(0, abs=1e-7)
    assert found["clipped"] == 0


def test_channels_are_not_mixed():
    """Opposite channels would be silence if they were; padding is where none has a sound."""
    left = np.concatenate([np.zeros(100), np.full(700, 0.25)])
    right = np.concatenate([np.zeros(50), np.full(700, -0.25), np.zeros(50)])
    found = of([left, right])
    assert found["channels"] == 2
    assert found["level"] == pytest.approx(10 * math.log10(0.25**2 * 7 / 8))
    assert found["padding_start"] == 50 / RATE and found["padding_end"] == 0
    assert found["offset"] == 0


def test_digital_silence_has_a_floor_and_is_padding_from_either_end():
    found = of(np.zeros(RATE))
    assert found["level"] == found["peak"] == found["noise_floor"] == FLOOR
    assert found["padding_start"] == found["padding_end"] == found["duration"] == 1
    assert found["silence"] == 1 and found["clipped"] == 0


def test_full_scale_of_either_sign_is_clipped():
    wave = np.zeros(1000)
    wave[:30], wave[30:50], wave[50:90], wave[90] = 32767 / 32768, -1, 32766 / 32768, 1.2
    assert of(wave)["clipped"] == pytest.approx(51 / 1000)


def test_a_signal_shorter_than_a_frame_is_one():
    found = of([0.1, 0.0, -0.1])
    assert found["noise_floor"] == pytest.approx(found["level"])
    assert found["silence"] == 0 and found["padding_end"] == 0
    assert of([0.5])["level"] == pytest.approx(20 * math.log10(0.5))


@pytest.mark.parametrize(
    ("name", "pattern", "rate"), [("emodb", "wav/*.wav", 22050), ("nemo", "flac/*.flac", 16000)]
)
def test_real_files_through_the_store(request, tmp_path, name, pattern, rate):
    folder = request.getfixturevalue(name)
    paths = some(folder, pattern, 20)
    table = make_table(paths)
    matrix = extraction.extract(SPEC, table, paths, store=tmp_path, threads=1)
    assert list(matrix["file"]) == list(table["file"])
    assert (matrix["sampling_rate"] == rate).all()
    for row in matrix.to_dict("records"):
        samples, _ = soundfile.read(paths[row["file"]], dtype="int16")
        assert row["duration"] == pytest.approx(len(samples) / rate)
        mean = np.mean(samples.astype(float) ** 2)
        assert row["level"] == pytest.approx(10 * math.log10(mean / 32768**2), abs=1e-4)
        assert row["peak"] == pytest.approx(
            20 * math.log10(np.abs(samples.astype(int)).max() / 32768), abs=1e-4
        )
        end = 0
        while samples[-1 - end] == 0:
            end += 1
        assert row["padding_end"] == pytest.approx(end / rate)
        start = 0
        while samples[start] == 0:
            start += 1
        assert row["padding_start"] == pytest.approx(start / rate)

    def no_audio(text: str) -> None:
        raise AssertionError(text)

    again = extraction.extract(SPEC, table, {}, store=tmp_path, threads=1, progress=no_audio)
    assert again.equals(matrix)


def test_segments_have_properties_of_their_own(tmp_path):
    wave = np.concatenate([np.zeros(RATE), np.full(RATE, 0.5)])
    path = tmp_path / "a.wav"
    soundfile.write(path, wave, RATE)
    paths = {"a.wav": str(path)}
    table = make_table(paths, [("a.wav", 0.5, 1.25), ("a.wav", 1.0, None)])
    matrix = extraction.extract(SPEC, table, paths, store=tmp_path / "store", threads=1)
    assert matrix["duration"].tolist() == [0.75, 1.0]
    assert matrix["padding_start"].tolist() == [0.5, 0.0]


@pytest.mark.parametrize("block", [1, 1000, 7777])
def test_blocks_change_nothing(monkeypatch, block):
    random = np.random.default_rng(0)
    samples = random.normal(scale=0.4, size=(2, 20_011)).astype(np.float32)
    samples[:, :1500] = samples[:, 17_000:] = 0
    whole = Signal({})(samples, 16000)
    monkeypatch.setattr("izwi.features.signal.BLOCK", block)
    np.testing.assert_allclose(Signal({})(samples, 16000), whole, rtol=1e-12)
