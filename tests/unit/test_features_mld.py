"""Mid-level descriptors against signals of known prosody, and against direct computations."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import parselmouth
import pytest
import soundfile
from audio_tables import make_table, some
from parselmouth.praat import call
from scipy.stats import linregress

from izwi.data import audio
from izwi.errors import UserError
from izwi.features import extraction
from izwi.features.mld import Mld
from izwi.features.praat import Praat

ROOT = Path(__file__).resolve().parents[2]
RATE = 16000


def voice(
    syllables: list[tuple[float, float]], duration: float, slope: float = 0.0, base: float = 150.0
) -> np.ndarray:
    """A buzz of half sine bursts.

    Args:
        syllables: start and end of each in seconds
        duration: of all in seconds
        slope: of F0, semitones per second
        base: F0 in the middle, Hz
    """
    t = np.arange(round(duration * RATE)) / RATE
    f0 = base * 2 ** (slope * (t - duration / 2) / 12)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    buzz = sum(np.cos(k * phase) / k for k in range(1, 15))
    level = np.zeros_like(t)
    for start, end in syllables:
        inside = (t >= start) & (t < end)
        level[inside] = 0.05 + np.sin(np.pi * (t[inside] - start) / (end - start))
    noise = 1e-5 * np.random.default_rng(1).normal(size=len(t))
    return (0.2 * level * buzz + noise).astype(np.float32)[None]


def described(signal: np.ndarray, rate: int = RATE, **options) -> dict[str, float]:
    extractor = Mld(options)
    return dict(zip(extractor.columns, extractor(signal, rate), strict=True))


def test_five_syllables_of_a_falling_voice():
    spans = [(0.2 + 0.2 * i, 0.4 + 0.2 * i) for i in range(5)]
    values = described(voice(spans, 1.4, slope=-8))
    assert values["n_syl"] == 5
    assert values["pause_n"] == 0 and values["phrase_n"] == 1
    assert np.isnan(values["pause_mean"])
    assert values["f0_slope"] == pytest.approx(-8, abs=0.2)
    assert values["f0_curve"] == pytest.approx(0, abs=0.1)
    assert values["f0_median"] == pytest.approx(150, rel=0.01)
    assert values["f0_residual"] < 0.1
    assert values["f0_peak"] == 0
    assert values["syl_f0_slope_mean"] == pytest.approx(-8, abs=0.4)
    assert values["seq_f0_base_slope"] == pytest.approx(-8, abs=0.4)
    assert values["seq_f0_top_slope"] == pytest.approx(-8, abs=0.4)
    # From one syllable to the next F0 falls by 8 semitones/s x .2 s.
    assert values["seq_f0_step"] == pytest.approx(1.6, abs=0.1)
    # Levels are semitones from the median: as much above it as below.
    assert values["syl_f0_level_mean"] == pytest.approx(0, abs=0.3)
    assert values["last_f0_level"] == pytest.approx(-3.2, abs=0.3)
    assert values["syl_dur_mean"] == pytest.approx(0.2, abs=0.02)
    assert values["rhythm_gap_mean"] == pytest.approx(0.2, abs=0.01)
    assert values["rhythm_gap_npvi"] < 12
    assert values["syl_en_peak_mean"] == pytest.approx(0.5, abs=0.08)
    assert values["syl_en_curve_max"] < -3  # each is a hill
    assert values["rhythm_rate"] == 5 / 1.4
    assert values["voiced_share"] > 0.9


def test_pauses_and_phrases():
    spans = [(0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (1.2, 1.4), (1.4, 1.6), (2.4, 2.6)]
    values = described(voice(spans, 2.8))
    assert values["n_syl"] == 6
    assert values["phrase_n"] == 3 and values["phrase_syl_mean"] == 2
    assert values["pause_n"] == 2
    assert values["pause_rate"] == pytest.approx(2 / 2.8)
    # The window of the intensity (64 ms at half its height) makes sounds longer, pauses shorter.
    assert values["pause_mean"] == pytest.approx((0.5 + 0.8) / 2, abs=0.1)
    assert values["pause_max"] - values["pause_mean"] == pytest.approx(0.15, abs=0.02)
    assert values["pause_share"] == pytest.approx(1.3 / 2.5, abs=0.08)
    # Gaps across pauses are no rhythm: three gaps of .2 s are left.
    assert values["rhythm_gap_mean"] == pytest.approx(0.2, abs=0.02)
    assert values["f0_slope"] == pytest.approx(0, abs=0.1)
    assert values["f0_sd"] < 0.1


def test_uneven_syllables_have_a_rhythm():
    lengths = [0.12, 0.3, 0.12, 0.3, 0.12, 0.3]
    edges = 0.1 + np.concatenate([[0], np.cumsum(lengths)])
    uneven = described(voice(list(pairwise(edges)), 1.6))
    even = described(voice([(0.1 + 0.21 * i, 0.31 + 0.21 * i) for i in range(6)], 1.6))
    assert uneven["n_syl"] == even["n_syl"] == 6
    # nPVI of .12 and .3 in turns is 100 |.18| / .21; the window of the intensity levels it.
    assert uneven["rhythm_dur_npvi"] == pytest.approx(85.7, abs=25)
    assert even["rhythm_dur_npvi"] < 20
    np.testing.assert_allclose(
        [uneven["rhythm_gap_mean"], uneven["rhythm_gap_sd"]], [0.21, 0], atol=0.02
    )
    assert uneven["rhythm_dur_varco"] > 2 * even["rhythm_dur_varco"]
    assert uneven["syl_dur_max"] == pytest.approx(0.3, abs=0.04)
    assert uneven["syl_dur_min"] == pytest.approx(0.12, abs=0.04)


def test_neither_pitch_nor_level_of_the_voice_matters():
    spans = [(0.2 + 0.2 * i, 0.4 + 0.2 * i) for i in range(5)]
    low = described(voice(spans, 1.4, slope=5, base=110))
    high = described(0.1 * voice(spans, 1.4, slope=5, base=220))
    for name in ("f0_slope", "f0_range", "syl_f0_slope_mean", "seq_f0_step"):
        assert low[name] == pytest.approx(high[name], rel=0.05), name
    for name in ("en_range", "en_sd", "syl_en_range_mean"):
        assert low[name] == pytest.approx(high[name], rel=0.15), name
    assert high["f0_median"] == pytest.approx(2 * low["f0_median"], rel=0.01)


@pytest.mark.parametrize("name", ["emodb", "nemo"])
def test_real_speech_against_direct_computations(request, name):
    folder = request.getfixturevalue(name)
    pattern = {"emodb": "wav/*.wav", "nemo": "flac/*.flac"}[name]
    for path in some(folder, pattern, 120).values():
        signal, rate = audio.read(path)
        values = described(signal, rate)
        peer = Praat({})
        praat = dict(zip(peer.columns, peer(signal, rate), strict=True))
        assert values["n_syl"] == praat["nsyll"]
        assert values["pause_n"] == praat["npause"]
        assert values["rhythm_articulation_rate"] == pytest.approx(
            praat["articulation_rate_nsyll_phonationtime"]
        )
        assert values["duration"] == pytest.approx(praat["duration"])

        pitch = call(parselmouth.Sound(path), "To Pitch", 0.0, 75, 600)
        frequency, times = pitch.selected_array["frequency"], pitch.xs()
        voiced = frequency > 0
        semitones = 12 * np.log2(frequency[voiced] / np.median(frequency[voiced]))
        line = linregress(times[voiced], semitones)
        assert values["f0_slope"] == pytest.approx(line.slope)
        assert values["f0_sd"] == pytest.approx(praat["stdevF0St"])
        centred = np.interp(times[voiced], times[voiced][[0, -1]], [-1, 1])
        assert values["f0_curve"] == pytest.approx(np.polyfit(centred, semitones, 2)[0])
        # Syllables fill their phrases.
        phrases = values["phrase_dur_mean"] * values["phrase_n"]
        assert values["syl_dur_mean"] * values["n_syl"] <= phrases + 1e-9
        assert values["syl_dur_min"] <= values["syl_dur_mean"] <= values["syl_dur_max"]
        assert 0 <= values["syl_voiced_min"] <= values["syl_voiced_max"] <= 1


def test_too_few_syllables_leave_gaps_and_a_remark(tmp_path):
    spans = [(0.2 + 0.2 * i, 0.4 + 0.2 * i) for i in range(5)]
    soundfile.write(tmp_path / "five.wav", voice(spans, 1.4)[0], RATE)
    soundfile.write(tmp_path / "two.wav", voice(spans[:2], 1.4)[0], RATE)
    paths = {name: str(tmp_path / name) for name in ("five.wav", "two.wav")}
    said: list[str] = []
    matrix = extraction.extract(
        {"type": "mld", "options": {"min_syls": 4}},
        make_table(paths),
        paths,
        store=tmp_path / "store",
        threads=1,
        warn=said.append,
    )
    assert matrix["n_syl"].tolist() == [5, 2]
    assert matrix["syl_dur_mean"].isna().tolist() == [False, True]
    assert matrix["seq_f0_step"].isna().tolist() == [False, True]
    assert matrix["f0_slope"].notna().all()  # of the recording, not of syllables
    assert said == [
        "mld: 1 of 2 rows have fewer than min_syls = 4 syllables; what describes syllables is "
        "undefined there"
    ]


def test_silence_hum_and_too_short():
    silence = described(np.zeros((1, RATE), dtype=np.float32))
    assert silence["n_syl"] == 0 and np.isnan(silence["f0_slope"])
    assert np.isnan(silence["pause_share"])
    noise = np.random.default_rng(2).normal(scale=0.1, size=(1, RATE)).astype(np.float32)
    assert described(noise)["n_syl"] == 0
    with pytest.raises(audio.AudioError, match=r"0\.100 s are too short for syllables: 0\.128 s"):
        described(voice([(0, 0.1)], 0.1))


def test_stereo_is_averaged_and_nothing_is_random():
    signal = voice([(0.2, 0.4), (0.4, 0.6)], 0.8)
    both = np.concatenate([2 * signal, 0 * signal])
    first, second, stereo = (Mld({})(x, RATE) for x in (signal, signal, both))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, stereo, rtol=1e-6)


def test_options_are_checked():
    with pytest.raises(UserError, match=r"\[FEATS\] mld\.f0_min: 300 Hz is not below"):
        Mld.content({"mld.f0_min": 300.0, "mld.f0_max": 200.0})


def test_the_page_names_every_feature_once():
    page = (ROOT / "docs" / "mld_features.md").read_text(encoding="utf-8")
    named = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    statistics = ("mean", "sd", "min", "max")
    columns = [
        full
        for name in named
        for full in ([name.replace("*", s) for s in statistics] if name.endswith("_*") else [name])
    ]
    assert sorted(columns) == sorted(Mld({}).columns)
