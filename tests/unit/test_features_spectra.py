"""Log mel spectrograms against transformers' own calculation, on signals and on real speech."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from audio_tables import make_table, some

from izwi.data import audio
from izwi.errors import UserError
from izwi.features import extraction
from izwi.features.picture import grid
from izwi.features.spectra import Spectra, mel_filters

RATE = 16000


def picture(signal: np.ndarray, rate: int = RATE, **options) -> np.ndarray:
    """Values of shape (bands, frames)."""
    extractor = Spectra(options)
    vector = extractor(signal, rate)
    assert vector.dtype == np.float32 and vector.shape == (len(extractor.columns),)
    return vector.reshape(grid(extractor.columns))


@pytest.mark.parametrize(("name", "pattern"), [("emodb", "wav/*.wav"), ("nemo", "flac/*.flac")])
def test_real_speech_is_what_transformers_computes(request, name, pattern):
    utils = pytest.importorskip("transformers.audio_utils", reason="transformers is not installed")
    folder = request.getfixturevalue(name)
    filters = utils.mel_filter_bank(513, 64, 0.0, 8000.0, RATE, mel_scale="htk")
    filters = filters / filters.sum(axis=0)
    window = np.hanning(401)[:-1]
    for path in some(folder, pattern, 180).values():
        signal, rate = audio.read(path)
        found = picture(signal, rate, **{"spectra.duration": 1.5})
        samples = audio.resample(audio.mix(signal), rate, RATE)[0]
        samples = np.pad(samples, (0, RATE))[: 149 * 160 + 400]
        power = utils.spectrogram(
            samples.astype(np.float64),
            window,
            frame_length=400,
            hop_length=160,
            fft_length=1024,
            power=2.0,
            center=False,
            mel_filters=filters,
            mel_floor=0.0,
        )
        expected = 10 * np.log10(np.maximum(power / window.sum() ** 2, 1e-10))
        assert found.shape == expected.shape == (64, 150)
        np.testing.assert_allclose(found, expected, atol=0.01)


def test_a_tone_is_where_it_sounds():
    t = np.arange(2 * RATE) / RATE
    tone = np.where(t < 1, np.sin(2 * np.pi * 1000 * t), 0).astype(np.float32)[None]
    found = picture(tone, **{"spectra.duration": 2.0})
    assert found.shape == (64, 200)
    # 1000 Hz are 1000 mel, of 2840 at 8 kHz, in 65 steps.
    assert found[:, 10].argmax() == round(1000 / 2840.0 * 65) - 1
    # Power of a sine in the peak of its spectrum is 1/4: -6 dB, less what the triangle takes.
    assert -9 < found[:, 10].max() < -6
    assert (found[:, 100:] == -100).all()
    assert (found[:, :97].max(axis=0) > -9).all()


def test_frames_bands_and_duration():
    signal = np.random.default_rng(1).normal(scale=0.1, size=(1, RATE)).astype(np.float32)
    found = picture(
        signal, fft_win_dur=40.0, fft_hop_dur=20.0, fft_nbands=20, **{"spectra.duration": 3.0}
    )
    assert found.shape == (20, 150)
    assert (found[:, :50] > -80).all() and (found[:, 50:] == -100).all()
    # What follows the duration changes nothing, what is within it does.
    longer = np.concatenate([signal, signal], axis=1)
    half = {"spectra.duration": 0.5}
    np.testing.assert_array_equal(picture(longer, **half), picture(signal, **half))
    assert not np.array_equal(picture(longer)[:, 150], picture(signal)[:, 150])


@pytest.mark.parametrize("bands", [10, 64, 128, 256])
def test_no_band_is_empty(bands):
    filters = mel_filters(bands, 400)
    assert filters.shape[0] == bands
    np.testing.assert_allclose(filters.sum(axis=1), 1)
    peaks = filters.argmax(axis=1)
    assert (np.diff(peaks) > 0).all()


def test_what_is_cut_is_told(tmp_path):
    noise = np.random.default_rng(1).normal(scale=0.1, size=4 * RATE)
    paths = {}
    for seconds in (0.5, 1.0, 2.0, 2.5, 3.25):
        paths[f"{seconds}.wav"] = str(tmp_path / f"{seconds}.wav")
        soundfile.write(paths[f"{seconds}.wav"], noise[: int(seconds * RATE)], RATE)
    spec = {"type": "spectra", "options": {"spectra.duration": 1.0, "fft_nbands": 4}}
    for _ in range(2):  # the second time from the store
        said: list[str] = []
        matrix = extraction.extract(
            spec,
            make_table(paths),
            paths,
            store=tmp_path / "store",
            threads=2,
            warn=said.append,
        )
        assert matrix.columns.tolist() == [
            "file",
            "start",
            "end",
            *Spectra(spec["options"]).columns,
        ]
        assert said == [
            "spectra: 3 of 5 rows are longer than 1 s (up to 3.25 s) and cut there; more is seen "
            "with a higher spectra.duration"
        ]
    last = matrix["mel_0_99"]
    assert (last == -100).tolist() == [True, False, False, False, False]


def test_a_grid_must_be_whole():
    names = Spectra({"fft_nbands": 12, "spectra.duration": 0.2}).columns
    assert grid(names) == (12, 20)
    with pytest.raises(UserError, match=r"\[FEATS\] features: a cnn needs all frames"):
        grid(names[:-1])
    with pytest.raises(UserError, match=r"\[MODEL\] type: a cnn reads spectrograms"):
        grid([*names, "meanF0Hz"])


def test_gaps_between_frames_are_an_error():
    with pytest.raises(UserError, match=r"\[FEATS\] fft_hop_dur: 30 ms is more than fft_win_dur"):
        Spectra.content({"fft_win_dur": 25.0, "fft_hop_dur": 30.0})
