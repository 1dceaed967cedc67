from __future__ import annotations

from pathlib import Path

import numpy as np
import parselmouth
import pytest
import soundfile
from audio_tables import make_table, some
from parselmouth.praat import call
from scipy.signal import find_peaks

from izwi.data import audio
from izwi.errors import UserError
from izwi.features import extraction, praat

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["emodb", "nemo"])
def recordings(request) -> list[tuple[parselmouth.Sound, dict[str, float]]]:
    """Sounds as Praat opens them, and what the extractor says of each."""
    folder = request.getfixturevalue(request.param)
    pattern, step = {"emodb": ("wav/*.wav", 110), "nemo": ("flac/*.flac", 130)}[request.param]
    extractor = praat.Praat({})
    found = []
    for path in some(folder, pattern, step).values():
        vector = extractor(*audio.read(path))
        assert vector.dtype == np.float64
        values = dict(zip(extractor.columns, vector, strict=True))
        found.append((parselmouth.Sound(path), values))
    return found


def close(value: float, expected: float) -> None:
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


def test_f0(recordings):
    for sound, values in recordings:
        pitch = call(sound, "To Pitch", 0.0, 75, 600)
        close(values["duration"], sound.duration)
        close(values["meanF0Hz"], call(pitch, "Get mean", 0, 0, "Hertz"))
        close(values["medianF0Hz"], call(pitch, "Get quantile", 0, 0, 0.5, "Hertz"))
        close(values["stdevF0Hz"], call(pitch, "Get standard deviation", 0, 0, "Hertz"))
        close(values["minF0Hz"], call(pitch, "Get minimum", 0, 0, "Hertz", "None"))
        close(values["maxF0Hz"], call(pitch, "Get maximum", 0, 0, "Hertz", "None"))
        close(values["rangeF0Hz"], values["maxF0Hz"] - values["minF0Hz"])
        close(values["stdevF0St"], call(pitch, "Get standard deviation", 0, 0, "semitones"))
        low, high = (12 * np.log2(values[f"{end}F0Hz"]) for end in ("min", "max"))
        close(values["rangeF0St"], high - low)
        close(values["slopeF0Hz"], call(pitch, "Get mean absolute slope", "Hertz"))
        close(values["slopeF0St"], call(pitch, "Get mean absolute slope", "Semitones"))
        frames = call(pitch, "Get number of frames")
        close(values["voicedFraction"], call(pitch, "Count voiced frames") / frames)


def test_jitter_and_shimmer_from_pulses_of_their_own(recordings):
    for sound, values in recordings:
        pulses = call(sound, "To PointProcess (periodic, cc)", 75, 600)
        for name, kind in {
            "localJitter": "local",
            "localabsoluteJitter": "local, absolute",
            "rapJitter": "rap",
            "ppq5Jitter": "ppq5",
            "ddpJitter": "ddp",
        }.items():
            close(values[name], call(pulses, f"Get jitter ({kind})", 0, 0, 1e-4, 0.02, 1.3))
        for name, kind in {
            "localShimmer": "local",
            "localdbShimmer": "local_dB",
            "apq3Shimmer": "apq3",
            "apq5Shimmer": "apq5",
            "apq11Shimmer": "apq11",
            "ddaShimmer": "dda",
        }.items():
            expected = call([sound, pulses], f"Get shimmer ({kind})", 0, 0, 1e-4, 0.02, 1.3, 1.6)
            close(values[name], expected)


def test_hnr_of_the_voice_report(recordings):
    for sound, values in recordings:
        pitch = call(sound, "To Pitch", 0.0, 75, 600)
        pulses = call([sound, pitch], "To PointProcess (cc)")
        report = call([sound, pitch, pulses], "Voice report", 0, 0, 75, 600, 1.3, 1.6, 0.03, 0.45)
        line = next(line for line in report.splitlines() if "harmonics-to-noise" in line)
        assert values["HNR"] == pytest.approx(float(line.split(":")[1].split()[0]), abs=0.001)


def test_hnr_of_harmonicity(emodb):
    path = next(iter(some(emodb, "wav/*.wav", 535).values()))
    extractor = praat.Praat({"praat.hnr": "cc"})
    value = extractor(*audio.read(path))[extractor.columns.index("HNR")]
    harmonicity = call(parselmouth.Sound(path), "To Harmonicity (cc)", 0.01, 75, 0.1, 1.0)
    close(value, call(harmonicity, "Get mean", 0, 0))


def test_intensity(recordings):
    for sound, values in recordings:
        intensity = sound.to_intensity(minimum_pitch=75)
        close(values["meanIntensity"], intensity.get_average())
        close(values["stdevIntensity"], call(intensity, "Get standard deviation", 0, 0))
        close(values["minIntensity"], call(intensity, "Get minimum", 0, 0, "Parabolic"))
        close(values["maxIntensity"], call(intensity, "Get maximum", 0, 0, "Parabolic"))


def test_formants_pulse_by_pulse(recordings):
    for sound, values in recordings:
        formants = sound.to_formant_burg()
        pulses = call(sound, "To PointProcess (periodic, cc)", 75, 600)
        times = [
            call(pulses, "Get time from index", index + 1)
            for index in range(call(pulses, "Get number of points"))
        ]
        medians = []
        for number in range(1, 5):
            track = np.array([formants.get_value_at_time(number, time) for time in times])
            close(values[f"f{number}_mean"], np.nanmean(track))
            close(values[f"f{number}_median"], np.nanmedian(track))
            medians.append(np.nanmedian(track))
        f1, f2, f3, f4 = medians
        close(values["fdisp"], ((f2 - f1) + (f3 - f2) + (f4 - f3)) / 3)
        close(values["avgFormant"], (f1 + f2 + f3 + f4) / 4)
        close(values["mff"], (f1 * f2 * f3 * f4) ** 0.25)
        tube = [35000 / 4 / f1, 3 * 35000 / 4 / f2, 5 * 35000 / 4 / f3, 7 * 35000 / 4 / f4]
        close(values["fitch_vtl"], sum(tube) / 4)
        slope = np.linalg.lstsq(np.array([[0.5], [1.5], [2.5], [3.5]]), medians)[0][0]
        close(values["delta_f"], slope)
        close(values["vtl_delta_f"], 35000 / 2 / slope)


def test_formants_at_the_edges_and_gaps(emodb):
    """Pulses before the first and after the last frame, and undefined formants."""
    sound = parselmouth.Sound(next(iter(some(emodb, "wav/*.wav", 535).values())))
    sound = sound.extract_part(0.5, 0.7)
    formants = call(sound, "To Formant (burg)", 0.02, 5, 3000, 0.025, 50)
    times = np.linspace(0.0005, 0.1995, 150)
    found = praat.at_times(formants, times)
    for number in range(4):
        track = np.array([formants.get_value_at_time(number + 1, time) for time in times])
        assert 0 < np.isnan(track).sum() < len(track)
        np.testing.assert_allclose(found[number], track, rtol=1e-12)


def test_formants_in_parts_are_those_of_the_whole(emodb, monkeypatch):
    paths = list(some(emodb, "wav/*.wav", 50).values())
    joined = np.concatenate([audio.read(path)[0] for path in paths], axis=1)
    extractor = praat.Praat({})
    whole = dict(zip(extractor.columns, extractor(joined, 16000), strict=True))
    monkeypatch.setattr(praat, "PART", 7.0)
    parts = dict(zip(extractor.columns, extractor(joined, 16000), strict=True))
    assert whole["duration"] > 3 * praat.PART
    same = [name for name in whole if whole[name] == parts[name]]
    assert set(whole) - set(same) == {*praat.FORMANTS, *praat.TRACT}
    for name in {*praat.FORMANTS, *praat.TRACT}:
        # Frames lie elsewhere, which in 30 s of speech still tells; the pulses are the same.
        assert parts[name] == pytest.approx(whole[name], rel=0.01), name


def test_a_sound_of_praat_is_the_signal():
    signal = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)
    sound = praat.sound_of(signal, 8000)
    assert sound.n_channels == 1 and sound.sampling_frequency == 8000
    np.testing.assert_array_equal(sound.values[0], signal.mean(axis=0).astype(np.float64))


def test_speech_follows_from_its_parts(recordings):
    for sound, values in recordings:
        syllables, phonation = values["nsyll"], values["phonationtime_s"]
        assert 2 <= syllables <= 8 * sound.duration
        assert 0 < phonation <= sound.duration
        close(values["speechrate_nsyll_dur"], syllables / sound.duration)
        close(values["articulation_rate_nsyll_phonationtime"], syllables / phonation)
        close(values["ASD_speakingtime_nsyll"], phonation / syllables)
        close(values["proportion_pause_duration"], (sound.duration - phonation) / phonation)


def test_peaks_are_those_of_scipy(recordings):
    for sound, _ in recordings:
        level = sound.to_intensity(minimum_pitch=50).values[0]
        # Silence around it, so that the ends do not count as hills.
        level = np.concatenate([[0.0], level, [0.0]])
        expected, _ = find_peaks(level, prominence=2.0)
        assert praat.peaks(level, 2.0) == expected.tolist()


def bursts(*pieces: tuple[float, float]) -> np.ndarray:
    """Vowel-like pieces (seconds, gain) at 16 kHz; gain 0 is silence."""
    rate, signal = 16000, []
    for seconds, gain in pieces:
        time = np.arange(int(seconds * rate)) / rate
        tone = sum(np.sin(2 * np.pi * 150 * n * time) / n for n in range(1, 9))
        fade = np.sin(np.pi * np.linspace(0, 1, len(time)))
        signal.append(0.2 * gain * tone * fade)
    noise = np.random.default_rng(0).normal(0, 1e-5, sum(map(len, signal)))
    return (np.concatenate(signal) + noise).astype(np.float32)[None]


def test_counted_syllables_and_pauses():
    extractor = praat.Praat({})
    syllable, gap, pause = (0.2, 1.0), (0.05, 0.0), (0.6, 0.0)
    signal = bursts(
        pause, syllable, gap, syllable, gap, syllable, pause, syllable, gap, syllable, pause
    )
    values = dict(zip(extractor.columns, extractor(signal, 16000), strict=True))
    assert values["nsyll"] == 5
    assert values["npause"] == 1
    assert values["pause_mean_duration"] == pytest.approx(0.6, abs=0.1)
    assert values["pause_std_duration"] == 0
    assert values["phonationtime_s"] == pytest.approx(1.15, abs=0.2)
    assert values["duration"] == pytest.approx(2.95)


def test_stretches():
    times = np.arange(50) * 0.06 + 0.03
    loud = np.zeros(50, dtype=bool)
    loud[[0, 1, 2, 7, 8, 20, 30, 31, 48, 49]] = True
    found = praat.sounding(loud, times, 3.0)
    # 0.24 s of silence are bridged; the sound of 0.06 s alone is none.
    assert np.allclose(found, [(0.0, 0.54), (1.8, 1.92), (2.88, 3.0)])
    assert praat.sounding(np.zeros(50, dtype=bool), times, 3.0) == []
    assert praat.sounding(np.ones(50, dtype=bool), times, 3.0) == [(0.0, 3.0)]


def test_silence_is_undefined_not_zero():
    extractor = praat.Praat({})
    vector = extractor(np.zeros((1, 16000), np.float32), 16000)
    values = dict(zip(extractor.columns, vector, strict=True))
    assert np.isnan(values["meanF0Hz"])
    assert np.isnan(values["HNR"])
    assert np.isnan(values["localJitter"])
    assert np.isnan(values["f1_mean"])
    assert np.isnan(values["articulation_rate_nsyll_phonationtime"])
    assert values["voicedFraction"] == 0
    assert values["nsyll"] == 0
    assert values["phonationtime_s"] == 0


def test_options_reach_praat(emodb):
    path = next(iter(some(emodb, "wav/*.wav", 535).values()))
    options = {"praat.f0_min": 100.0, "praat.f0_max": 300.0, "praat.formant_max": 5000.0}
    extractor = praat.Praat(options)
    values = dict(zip(extractor.columns, extractor(*audio.read(path)), strict=True))
    sound = parselmouth.Sound(path)
    pitch = call(sound, "To Pitch", 0.0, 100, 300)
    close(values["meanF0Hz"], call(pitch, "Get mean", 0, 0, "Hertz"))
    formants = call(sound, "To Formant (burg)", 0.0, 5, 5000, 0.025, 50)
    pulses = call(sound, "To PointProcess (periodic, cc)", 100, 300)
    track = [
        formants.get_value_at_time(1, call(pulses, "Get time from index", index + 1))
        for index in range(call(pulses, "Get number of points"))
    ]
    close(values["f1_mean"], np.nanmean(track))
    close(values["meanIntensity"], sound.to_intensity(minimum_pitch=100).get_average())


def test_range_of_f0_is_checked_when_planned():
    assert praat.Praat.content({"praat.f0_min": 75.0}) is None
    with pytest.raises(UserError, match=r"^\[FEATS\] praat.f0_min: 700 Hz"):
        praat.Praat.content({"praat.f0_min": 700.0})


def test_shortest_signals(fsdd):
    extractor = praat.Praat({})
    signal, rate = audio.read(next(iter(some(fsdd, "wav/*.wav", 3000).values())))
    with pytest.raises(audio.AudioError, match=r"Praat needs 0\.085 s"):
        extractor(signal[:, :600], rate)
    values = dict(zip(extractor.columns, extractor(signal[:, 1000:1800], rate), strict=True))
    assert values["duration"] == pytest.approx(0.1)
    assert values["meanF0Hz"] > 0
    assert np.isnan(values["nsyll"])


def test_values_do_not_depend_on_workers_or_neighbours(emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 27)
    table = make_table(paths)
    assert len(table) == 20
    spec = {"type": "praat", "options": {}}
    alone = extraction.extract(spec, table, paths, store=tmp_path / "a", threads=1)
    other = table.iloc[::-1]
    both = extraction.extract(spec, other, paths, store=tmp_path / "b", threads=2)
    np.testing.assert_array_equal(both.iloc[::-1, 3:], alone.iloc[:, 3:])
    few = extraction.extract(spec, table.iloc[3:5], paths, store=tmp_path / "c", threads=1)
    np.testing.assert_array_equal(few.iloc[:, 3:], alone.iloc[3:5, 3:])


def test_stereo_is_averaged(emodb, tmp_path):
    left, right = (soundfile.read(p)[0] for p in some(emodb, "wav/*.wav", 300).values())
    path = str(tmp_path / "stereo.wav")
    soundfile.write(path, np.stack([left, right], axis=1), 22050)
    extractor = praat.Praat({})
    values = dict(zip(extractor.columns, extractor(*audio.read(path)), strict=True))
    sound = parselmouth.Sound(path).convert_to_mono()
    pitch = call(sound, "To Pitch", 0.0, 75, 600)
    assert values["meanF0Hz"] == pytest.approx(call(pitch, "Get mean", 0, 0, "Hertz"), rel=1e-5)


def test_every_feature_is_documented():
    page = (ROOT / "docs" / "praat_features.md").read_text(encoding="utf-8")
    columns = praat.Praat({}).columns
    assert len(set(columns)) == len(columns)
    assert [name for name in columns if f"| `{name}` |" not in page] == []
    documented = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(documented) == sorted(columns)
