"""Signal-to-noise ratio and DNSMOS, against planted noise, speechmos and librosa."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from izwi.data import audio
from izwi.errors import UserError
from izwi.features import dnsmos, extractor_class, snr

RATE = 16000


def of(kind, signal, rate=RATE, **options):
    extractor = extractor_class(kind)(options)
    vector = extractor(np.atleast_2d(np.asarray(signal, dtype=np.float32)), rate)
    assert vector.dtype == np.float64
    return dict(zip(extractor.columns, vector.tolist(), strict=True))


@pytest.mark.parametrize("planted", [-5, 0, 10, 20, 40])
def test_wada_finds_the_ratio_of_a_mixture_of_its_model(planted):
    """Samples drawn as the method assumes, not integrated as its table is."""
    rng = np.random.default_rng(0)
    n = 400_000
    speech = rng.gamma(snr.SHAPE, 1, n) * rng.choice([-1, 1], n)
    noise = rng.normal(size=n) * np.sqrt(np.mean(speech**2) / 10 ** (planted / 10))
    mixture = (speech + noise) / 40
    assert of("snr", mixture)["snr"] == pytest.approx(planted, abs=0.6)
    # The level says nothing.
    assert snr.wada(mixture) == pytest.approx(snr.wada(mixture / 7))


def test_noise_alone_and_speech_alone_are_at_the_ends():
    rng = np.random.default_rng(1)
    assert of("snr", rng.normal(size=200_000))["snr"] < -5
    speech = rng.gamma(snr.SHAPE, 1, 200_000) * rng.choice([-1, 1], 200_000)
    assert of("snr", speech)["snr"] > 60
    # The least value is that of a Gaussian: ln E|z| - E ln|z| = (ln(2/π) + γ + ln 2) / 2.
    decibels, ratios = snr.amplitude_table()
    assert ratios[0] == pytest.approx(
        (np.log(2 / np.pi) + np.euler_gamma + np.log(2)) / 2, abs=1e-4
    )
    assert (np.diff(ratios) > 0).all() and (decibels[0], decibels[-1]) == (-20, 100)


def test_planted_noise_in_real_speech(emodb):
    rng = np.random.default_rng(7)
    files = sorted(emodb.glob("wav/*.wav"))[::25]
    found = {}
    for planted in (0, 5, 10, 15):
        for method in ("wada", "quartiles"):
            values = []
            for file in files:
                signal, rate = soundfile.read(file)
                noise = rng.normal(size=len(signal))
                noise *= np.sqrt(np.mean(signal**2) / np.mean(noise**2) / 10 ** (planted / 10))
                values.append(of("snr", signal + noise, rate, **{"snr.method": method})["snr"])
            found[method, planted] = np.mean(values)
    # docs/predicted_properties.md gives the errors.
    for planted in (0, 5, 10, 15):
        assert found["wada", planted] == pytest.approx(planted, abs=4)
    for method in ("wada", "quartiles"):
        assert found[method, 0] < found[method, 5] < found[method, 10] < found[method, 15]


def test_quartiles_are_the_distance_of_loud_from_quiet_frames():
    """Half of the frames 30 dB above the other half, as a sum by hand."""
    rng = np.random.default_rng(2)
    quiet, loud = rng.normal(size=(2, RATE))
    signal = np.concatenate([quiet * 1e-3, loud * 10**1.5 * 1e-3])
    frames = [signal[i : i + 320] * np.hamming(320) for i in range(0, len(signal) - 319, 160)]
    energy = np.array([np.log(np.sum(frame**2)) for frame in frames])
    low, high = np.percentile(energy, 25), np.percentile(energy, 75)
    by_hand = np.mean(energy[energy >= high]) - np.mean(energy[energy <= low])
    found = snr.quartiles(signal, RATE)
    assert found == pytest.approx(10 * by_hand / np.log(10))
    assert found == pytest.approx(30, abs=1.5)


def test_what_has_no_ratio_is_told():
    for method in ("wada", "quartiles"):
        with pytest.raises(audio.AudioError, match="digital silence"):
            of("snr", np.zeros(RATE), **{"snr.method": method})
    with pytest.raises(audio.AudioError, match="20 ms"):
        of("snr", np.ones(100), **{"snr.method": "quartiles"})


@pytest.fixture(scope="module")
def speech(emodb):
    """9.3 s, which is one window of DNSMOS and less than two."""
    signals, total = [], 0
    for file in sorted(emodb.glob("wav/*.wav")):
        signal, rate = soundfile.read(file, dtype="float32")
        signals.append(audio.resample(signal[None], rate, RATE)[0])
        total += len(signals[-1])
        if total > 9.3 * RATE:
            break
    return np.concatenate(signals)[: int(9.3 * RATE)]


def test_dnsmos_is_what_speechmos_computes(speech):
    """Its procedure, which needs librosa, on a long recording and on one that is repeated."""
    pytest.importorskip("librosa")
    reference = pytest.importorskip("speechmos.dnsmos")
    for signal in (speech, speech[: 5 * RATE]):
        expected = reference.run(signal, RATE)
        found = of("dnsmos", signal)
        for name in ("sig", "bak", "ovrl"):
            assert found[name] == pytest.approx(expected[f"{name}_mos"], abs=1e-4)
        assert found["p808"] == pytest.approx(expected["p808_mos"], abs=1e-4)
    # Two channels that are the same are one.
    assert of("mos", np.stack([signal, signal]))["mos"] == pytest.approx(found["ovrl"], abs=1e-6)


def test_the_spectrogram_is_that_of_librosa(speech):
    librosa = pytest.importorskip("librosa")
    mel = librosa.feature.melspectrogram(y=speech, sr=RATE, n_fft=321, hop_length=160, n_mels=120)
    expected = (librosa.power_to_db(mel, ref=np.max) + 40) / 40
    np.testing.assert_allclose(dnsmos._log_mel(speech), expected.T, atol=2e-4)


def test_noise_lowers_the_scores(speech):
    pytest.importorskip("speechmos")
    noise = np.random.default_rng(3).normal(size=len(speech)).astype(np.float32)
    noise *= np.sqrt(np.mean(speech**2) / np.mean(noise**2))
    assert of("mos", speech)["mos"] > of("mos", speech + noise)["mos"] + 0.3


def test_a_missing_package_is_told_with_the_command(monkeypatch):
    monkeypatch.setattr("importlib.machinery.PathFinder.find_spec", lambda name: None)
    with pytest.raises(UserError, match="make bundled"):
        extractor_class("mos").content({})
