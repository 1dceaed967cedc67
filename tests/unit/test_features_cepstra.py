"""Cepstra and spectra against plain formulas, transformers, and what defines a mel-cepstrum."""

from __future__ import annotations

import numpy as np
import pytest
from audio_tables import make_table, some

from izwi.data import audio
from izwi.errors import UserError
from izwi.features import extraction, filters
from izwi.features.cepstra import Cqcc, Lfcc, Mfcc, Sptk, summary

RATE = 16000


def noise(seconds: float = 0.3, seed: int = 0) -> np.ndarray:
    """Pink-like noise, shape (1, samples)."""
    white = np.random.default_rng(seed).normal(size=round(seconds * RATE))
    return (np.cumsum(white - white.mean()) / 100).astype(np.float32)[None]


def statistics(values: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of each column, one after the other."""
    return np.stack([values.mean(axis=0), values.std(axis=0)], axis=1).ravel()


def cosines(level: np.ndarray, count: int) -> np.ndarray:
    """The orthonormal DCT-II, written out."""
    size = level.shape[1]
    k, n = np.arange(count)[:, None], np.arange(size)
    basis = np.cos(np.pi * k * (2 * n + 1) / (2 * size)) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)
    return level @ basis.T


def spectra(samples: np.ndarray, window: np.ndarray, hop: int, length: int) -> np.ndarray:
    """Power of each frame, one at a time."""
    starts = range(0, len(samples) - len(window) + 1, hop)
    frames = [samples[start : start + len(window)] * window for start in starts]
    return np.array([np.abs(np.fft.rfft(frame, length)) ** 2 for frame in frames])


def test_mfcc_of_real_speech_is_what_transformers_computes(emodb):
    utils = pytest.importorskip("transformers.audio_utils", reason="transformers is not installed")
    for path in some(emodb, "wav/*.wav", 260).values():
        signal, rate = audio.read(path)
        samples = audio.resample(audio.mix(signal), rate, RATE)[0].astype(float)
        for count, bands, length, hop in [(20, 128, 2048, 512), (13, 40, 512, 160)]:
            options = {"n_mfcc": count, "n_mels": bands, "fft_length": length, "frame_period": hop}
            found = Mfcc({f"mfcc.{name}": value for name, value in options.items()})(signal, rate)
            filters = utils.mel_filter_bank(
                length // 2 + 1, bands, 0.0, RATE / 2, RATE, norm="slaney", mel_scale="slaney"
            )
            window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
            power = spectra(np.pad(samples, length // 2), window, hop, length)
            level = utils.power_to_db(power @ filters, db_range=80.0)
            np.testing.assert_allclose(found, statistics(cosines(level, count)), atol=1e-3)


def test_lfcc_is_its_formula():
    signal = noise()
    found = Lfcc({"lfcc.n_lfcc": 12})(signal, RATE)
    padded = np.pad(signal[0].astype(float), 256, mode="reflect")
    window = np.zeros(512)
    window[56:456] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = spectra(padded, window, 80, 512)
    hertz = np.arange(257) * RATE / 512
    width = RATE / 2 / 129
    bands = np.maximum(0, 1 - np.abs(hertz[:, None] / width - np.arange(1, 129)))
    level = 10 * np.log10(np.maximum(power @ bands, 1e-10))
    level = np.maximum(level, level.max() - 80)
    np.testing.assert_allclose(found, statistics(cosines(level, 12)), rtol=1e-5, atol=1e-4)


def test_the_constant_q_transform_is_its_sum_over_time():
    # White, since windows leak a little of very loud low tones.
    signal = np.random.default_rng(0).normal(size=9600)
    found = filters.constant_q(signal, RATE, 84, 12, 80)
    assert found.shape == (len(signal) // 80 + 1, 84)
    quality = 1 / np.tanh(np.log(2) / 12)
    for row, bin_ in [(0, 0), (40, 0), (60, 30), (100, 83)]:
        frequency = 440 * 2 ** ((bin_ - 45) / 12)
        size = quality * RATE / frequency
        times = np.arange(-int(size // 2), int(size // 2) + 1)
        window = 0.5 + 0.5 * np.cos(2 * np.pi * times / size)
        places = row * 80 + times
        inside = (places >= 0) & (places < len(signal))
        heard = np.where(inside, signal[np.clip(places, 0, len(signal) - 1)], 0)
        turned = heard * window / window.sum() * np.exp(-2j * np.pi * frequency * times / RATE)
        expected = np.sqrt(size) * abs(turned.sum())
        assert found[row, bin_] == pytest.approx(expected, rel=2e-4)


def test_cqcc_are_cosines_of_the_transform():
    signal = noise(0.4)
    sound = filters.constant_q(signal[0].astype(float), RATE, 60, 12, 160)
    found = Cqcc({"cqcc.n_cqcc": 15, "cqcc.n_cqt_bins": 60, "cqcc.frame_period": 160})(signal, RATE)
    expected = statistics(cosines(np.log(sound + 1e-8), 15))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_sptk_spectra_are_their_formulas():
    signal = noise()
    kinds = ["chroma", "stft", "fbank"]
    extractor = Sptk({"sptk.features": kinds, "sptk.n_channel": 24})
    assert extractor.columns[:3] == ["stft_0_mean", "stft_0_std", "stft_1_mean"]
    found = dict(zip(extractor.columns, extractor(signal, RATE), strict=True))
    n = np.arange(400)
    window = 0.42 - 0.5 * np.cos(2 * np.pi * n / 399) + 0.08 * np.cos(4 * np.pi * n / 399)
    window /= np.sqrt((window**2).sum())
    power = spectra(np.pad(signal[0].astype(float), (200, 199)), window, 80, 512) + 1e-9
    assert found["stft_9_mean"] == pytest.approx(power[:, 9].mean(), rel=1e-5)
    assert found["stft_256_std"] == pytest.approx(power[:, 256].std(), rel=1e-4)
    mel = 1127 * np.log(1 + np.arange(257) * RATE / 512 / 700)
    step = 1127 * np.log(1 + RATE / 2 / 700) / 25
    weights = np.maximum(0, 1 - np.abs(mel / step - 5))
    band = np.log(np.maximum((np.sqrt(power) * weights)[:, 1:-1].sum(axis=1), 1e-5))
    assert found["fbank_4_mean"] == pytest.approx(band.mean(), rel=1e-5)
    assert found["fbank_4_std"] == pytest.approx(band.std(), rel=1e-4)


@pytest.mark.parametrize(("tone", "pitch"), [(440, 9), (261.63, 0), (1318.5, 4)])
def test_a_tone_has_its_pitch_class(tone, pitch):
    sound = np.sin(2 * np.pi * tone * np.arange(RATE) / RATE).astype(np.float32)[None]
    extractor = Sptk(
        {"sptk.features": ["chroma"], "sptk.n_channel": 12}
        | {"sptk.frame_length": 2048, "sptk.fft_length": 2048}
    )
    assert extractor(sound, RATE)[::2].argmax() == pitch


def test_a_mel_cepstrum_is_where_its_criterion_is_least():
    """Fukada et al. 1992: the mean of exp(R) - R - 1, R = log power - log |H|², over frequency."""
    power = spectra(noise()[0].astype(float), np.hanning(400), 400, 512)[:3] + 1e-9
    found = filters.mel_cepstrum(power, 24, 0.42)
    omega = 2 * np.pi * np.arange(512) / 512
    warped = omega + 2 * np.arctan2(0.42 * np.sin(omega), 1 - 0.42 * np.cos(omega))
    basis = np.cos(np.arange(25)[:, None] * warped)
    whole = np.concatenate([power, power[:, -2:0:-1]], axis=1)
    rest = np.exp(np.log(whole) - 2 * found @ basis)
    # The gradient of the criterion by each coefficient.
    gradient = 2 * ((1 - rest)[:, None, :] * basis).mean(axis=2)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_channels_rates_lengths_and_workers(tmp_path, emodb):
    signal = noise(0.2)
    for kind in (Mfcc, Lfcc, Cqcc, Sptk):
        extractor = kind({})
        mono = extractor(signal, RATE)
        assert mono.dtype == np.float32 and mono.shape == (len(extractor.columns),)
        np.testing.assert_array_equal(extractor(np.vstack([signal, signal]), RATE), mono)
        for short in (1, 2, 50):
            assert np.isfinite(extractor(signal[:, :short], RATE)).all()
        assert np.isfinite(extractor(np.zeros((1, 800), np.float32), RATE)).all()
    paths = some(emodb, "wav/*.wav", 120)
    frames = []
    for threads in (1, 2):
        spec = {"type": "lfcc", "options": {}}
        store = tmp_path / str(threads)
        work = extraction.Extraction(
            spec, make_table(paths), paths, store=store, threads=threads, progress=str
        )
        work.run(fail_threshold=0.0)
        work.write(tmp_path / f"{threads}.parquet", warn=str)
        frames.append((tmp_path / f"{threads}.parquet").read_bytes())
    assert frames[0] == frames[1]


def test_statistics_of_parts_are_those_of_the_whole():
    values = np.random.default_rng(1).normal(1e6, 1, (5000, 3))
    found = summary([values[:10], values[10:4000], values[4000:]])
    np.testing.assert_allclose(found, statistics(values), rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        (Mfcc, {"mfcc.n_mfcc": 50, "mfcc.n_mels": 40}, "mfcc.n_mels"),
        (Lfcc, {"lfcc.frame_length": 1024}, "lfcc.fft_length"),
        (Cqcc, {"cqcc.sample_rate": 4000}, "3951 Hz"),
        (Sptk, {"sptk.features": ["mcep"], "sptk.sample_rate": 16001}, "16001"),
        (Sptk, {"sptk.features": ["cqcc"], "sptk.sample_rate": 4000}, "cqcc"),
    ],
)
def test_options_that_contradict_each_other_are_told(kind, options, named):
    with pytest.raises(UserError, match=named):
        kind.content(options)
    kind.content({})
