"""Voice and speech measures of Praat (with parselmouth), each from one recording only.

docs/praat_features.md has the definition, unit and source of each.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from izwi.config.options import Option, feature_option
from izwi.errors import UserError
from izwi.features.base import FrugalExtractor

if TYPE_CHECKING:
    import numpy as np
    import parselmouth

F0 = (
    "meanF0Hz",
    "medianF0Hz",
    "stdevF0Hz",
    "minF0Hz",
    "maxF0Hz",
    "rangeF0Hz",
    "slopeF0Hz",
    "stdevF0St",
    "rangeF0St",
    "slopeF0St",
    "voicedFraction",
)
JITTER = {
    "localJitter": "local",
    "localabsoluteJitter": "local, absolute",
    "rapJitter": "rap",
    "ppq5Jitter": "ppq5",
    "ddpJitter": "ddp",
}
SHIMMER = {
    "localShimmer": "local",
    "localdbShimmer": "local_dB",
    "apq3Shimmer": "apq3",
    "apq5Shimmer": "apq5",
    "apq11Shimmer": "apq11",
    "ddaShimmer": "dda",
}
INTENSITY = ("meanIntensity", "stdevIntensity", "minIntensity", "maxIntensity")
FORMANTS = tuple(f"f{n}_{statistic}" for statistic in ("mean", "median") for n in range(1, 5))
TRACT = ("fdisp", "avgFormant", "mff", "fitch_vtl", "delta_f", "vtl_delta_f")
SPEECH = (
    "nsyll",
    "npause",
    "phonationtime_s",
    "speechrate_nsyll_dur",
    "articulation_rate_nsyll_phonationtime",
    "ASD_speakingtime_nsyll",
    "proportion_pause_duration",
    "pause_mean_duration",
    "pause_std_duration",
)
COLUMNS = ("duration", *F0, "HNR", *JITTER, *SHIMMER, *INTENSITY, *FORMANTS, *TRACT, *SPEECH)

F0_RANGE = {"min": 75.0, "max": 600.0}
# Praat's usual limits for jitter and shimmer: shortest and longest period (s), largest ratio of
# neighbouring periods and of neighbouring amplitudes.
PERIODS = (0.0001, 0.02, 1.3)
AMPLITUDE_RATIO = 1.6
# Window of the intensity for syllables, and de Jong and Wempe's limits: how far below the 99 %
# quantile sound is silence (dB), the dip between syllables (dB), the shortest pause and the
# shortest sound (s).
SYLLABLE_PITCH = 50.0
SILENCE = 25.0
DIP = 2.0
SHORTEST_PAUSE = 0.3
SHORTEST_SOUND = 0.1
# Formants of longer recordings (s) are analysed in parts with a margin on either side: Praat
# takes many times the memory of what it resamples.
PART = 300.0
MARGIN = 0.5
# Speed of sound in the vocal tract, cm/s.
SPEED = 35000.0


def _option(name: str, default: Any, doc: str, **limits: Any) -> Option:
    kind = "str" if isinstance(default, str) else "float"
    return feature_option(f"praat.{name}", kind, default, f"Praat: {doc}", **limits)


class Praat(FrugalExtractor):
    """F0, formants, vocal tract length, jitter, shimmer, HNR, intensity and speech rate.

    Pitch, pulses and intensity are computed once and shared. Values are float64.
    """

    name = "praat"
    prefix = "praat."
    packages = ("praat-parselmouth",)
    parallel = "processes"
    options = (
        _option("f0_min", F0_RANGE["min"], "lowest F0 in Hz", minimum=20, maximum=1000),
        _option("f0_max", F0_RANGE["max"], "highest F0 in Hz", minimum=50, maximum=2000),
        _option(
            "formant_max",
            5500.0,
            "ceiling of five formants in Hz; 5500 suits women, 5000 men, up to 8000 children; not "
            "above half the sampling rate",
            minimum=1000,
            maximum=20000,
        ),
        _option(
            "hnr",
            "voiced",
            "harmonics-to-noise ratio of the voiced frames as in the voice report, or cc: mean of "
            "Harmonicity (cc), which is slower than all other features together",
            choices=("voiced", "cc"),
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.columns = list(COLUMNS)

    @classmethod
    def content(cls, options: dict[str, Any]) -> None:
        """Check the range of F0.

        Raises:
            UserError: if it is empty
        """
        low, high = (options.get(f"praat.f0_{end}", limit) for end, limit in F0_RANGE.items())
        if low >= high:
            raise UserError(f"[FEATS] praat.f0_min: {low:g} Hz is not below praat.f0_max, {high:g}")

    def take(self, box: list[np.ndarray], rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np
        import parselmouth

        from izwi.data import audio

        low = self.values["praat.f0_min"]
        sound = sound_of(box.pop(), rate)
        # Praat's intensity needs 6.4 periods of the lowest F0, its pitch 3.
        if sound.duration < 6.4 / low:
            raise audio.AudioError(
                f"{sound.duration:.3f} s are too short for F0 from {low:g} Hz: "
                f"Praat needs {6.4 / low:.3f} s"
            )
        try:
            values = self._measure(sound)
        except parselmouth.PraatError as error:
            raise audio.AudioError(f"Praat: {str(error).splitlines()[0]}") from error
        return np.array([values[name] for name in self.columns], dtype=np.float64)

    def _measure(self, sound: parselmouth.Sound) -> dict[str, float]:
        """All features by name."""
        from parselmouth.praat import call

        low, high = self.values["praat.f0_min"], self.values["praat.f0_max"]
        pitch = call(sound, "To Pitch", 0.0, low, high)
        # The same as "To PointProcess (periodic, cc)", without a second pitch analysis.
        pulses = call([sound, pitch], "To PointProcess (cc)")
        intensity = call(sound, "To Intensity", low, 0.0, True)
        mean, median = at_pulses(sound, pulses, self.values["praat.formant_max"])
        return {
            "duration": sound.duration,
            **f0(pitch),
            "HNR": self._hnr(sound, pitch),
            **{
                name: call(pulses, f"Get jitter ({kind})", 0, 0, *PERIODS)
                for name, kind in JITTER.items()
            },
            **{
                name: call(
                    [sound, pulses], f"Get shimmer ({kind})", 0, 0, *PERIODS, AMPLITUDE_RATIO
                )
                for name, kind in SHIMMER.items()
            },
            "meanIntensity": call(intensity, "Get mean", 0, 0, "energy"),
            "stdevIntensity": call(intensity, "Get standard deviation", 0, 0),
            "minIntensity": call(intensity, "Get minimum", 0, 0, "Parabolic"),
            "maxIntensity": call(intensity, "Get maximum", 0, 0, "Parabolic"),
            **dict(zip(FORMANTS, [*mean, *median], strict=True)),
            **tract(median),
            **speech(sound, pitch),
        }

    def _hnr(self, sound: parselmouth.Sound, pitch: parselmouth.Pitch) -> float:
        """Harmonics-to-noise ratio in dB (Boersma 1993)."""
        import numpy as np
        from parselmouth.praat import call

        if self.values["praat.hnr"] == "cc":
            low = self.values["praat.f0_min"]
            harmonicity = call(sound, "To Harmonicity (cc)", 0.01, low, 0.1, 1.0)
            return call(harmonicity, "Get mean", 0, 0)
        frames = pitch.selected_array
        strength = frames["strength"][frames["frequency"] > 0]
        if len(strength) == 0:
            return np.nan
        # Praat's limits for perfect periodicity.
        strength = np.clip(strength, 1e-15, 1 - 1e-15)
        return float(np.mean(10 * np.log10(strength / (1 - strength))))


def f0(pitch: parselmouth.Pitch) -> dict[str, float]:
    """Statistics of F0 over the voiced frames, in Hz and semitones."""
    import numpy as np
    from parselmouth.praat import call

    frequency = pitch.selected_array["frequency"]
    voiced = frequency[frequency > 0]
    values = dict.fromkeys(F0, np.nan)
    values["voicedFraction"] = len(voiced) / len(frequency)
    if len(voiced) == 0:
        return values
    low, high = voiced.min(), voiced.max()
    values |= {
        "meanF0Hz": voiced.mean(),
        "medianF0Hz": np.median(voiced),
        "minF0Hz": low,
        "maxF0Hz": high,
        "rangeF0Hz": high - low,
        "slopeF0Hz": call(pitch, "Get mean absolute slope", "Hertz"),
        "rangeF0St": 12 * np.log2(high / low),
        "slopeF0St": call(pitch, "Get mean absolute slope", "Semitones"),
    }
    if len(voiced) > 1:
        values["stdevF0Hz"] = voiced.std(ddof=1)
        values["stdevF0St"] = (12 * np.log2(voiced)).std(ddof=1)
    return values


def sound_of(signal: np.ndarray, rate: int) -> parselmouth.Sound:
    """A Praat sound with one channel, without further copies of the samples.

    Args:
        signal: shape (channels, samples), float32
        rate: sampling rate in Hz
    """
    import numpy as np
    import parselmouth

    from izwi.data import audio

    mono = audio.mix(signal)
    # Zeros take no memory until something is written to them.
    sound = parselmouth.Sound(np.zeros(mono.shape), rate)
    sound.values[...] = mono
    return sound


def at_pulses(
    sound: parselmouth.Sound, pulses: parselmouth.Data, ceiling: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and median of F1 to F4 at the glottal pulses.

    Args:
        sound: of one channel
        pulses: its glottal pulses
        ceiling: of five formants, in Hz

    Returns:
        two arrays of four frequencies in Hz, NaN if no pulse has that formant
    """
    import numpy as np
    from parselmouth.praat import call

    mean, median = np.full(4, np.nan), np.full(4, np.nan)
    if call(pulses, "Get number of points") == 0:
        return mean, median
    times = call(pulses, "To Matrix").values[0]
    values = np.full((4, len(times)), np.nan)
    for start in np.arange(0, sound.duration, PART):
        part, inside = sound, slice(None)
        if sound.duration > PART:
            ends = start - MARGIN, start + PART + MARGIN
            part = call(sound, "Extract part", *ends, "rectangular", 1.0, True)
            inside = (times >= start) & (times < start + PART)
        formants = call(part, "To Formant (burg)", 0.0, 5, ceiling, 0.025, 50.0)
        values[:, inside] = at_times(formants, times[inside])
    for index, value in enumerate(values):
        value = value[~np.isnan(value)]
        if len(value):
            mean[index], median[index] = value.mean(), np.median(value)
    return mean, median


def at_times(formants: parselmouth.Formant, times: np.ndarray) -> np.ndarray:
    """F1 to F4 at some times, all at once.

    Formants are interpolated between frames as in Praat's "Get value at time".

    Args:
        formants: of a sound
        times: in seconds, shape (times,)

    Returns:
        frequencies in Hz, shape (4, times), NaN where one is undefined
    """
    import numpy as np
    from parselmouth.praat import call

    values = np.full((4, len(times)), np.nan)
    position = (times - formants.x1) / formants.dx
    left = np.floor(position).astype(int)
    phase = position - left
    near = np.where(phase < 0.5, left, left + 1)
    far = np.where(phase < 0.5, left + 1, left)
    weight = np.where(phase < 0.5, phase, 1 - phase)
    for index in range(4):
        track = call(formants, "To Matrix", index + 1).values[0]
        # A frame outside the analysis, or with fewer formants, is undefined.
        padded = np.concatenate([[np.nan], np.where(track > 0, track, np.nan), [np.nan]])
        value, other = (padded[np.clip(frame, -1, len(track)) + 1] for frame in (near, far))
        values[index] = np.where(np.isnan(other), value, value + weight * (other - value))
    return values


def tract(formants: np.ndarray) -> dict[str, float]:
    """Measures of vocal tract length from the medians of F1 to F4.

    Sources: Fitch (1997) for ``fdisp`` and ``fitch_vtl``, Pisanski and Rendall (2011) for
    ``avgFormant``, Smith and Patterson (2005) for ``mff``, Reby and McComb (2003) for
    ``delta_f`` and ``vtl_delta_f``.
    """
    import numpy as np

    odd = np.array([1, 3, 5, 7])
    # Least squares through the origin of F_i over (2i - 1) / 2.
    spacing = (odd / 2 * formants).sum() / ((odd / 2) ** 2).sum()
    return {
        "fdisp": (formants[3] - formants[0]) / 3,
        "avgFormant": formants.mean(),
        "mff": np.exp(np.log(formants).mean()),
        "fitch_vtl": (odd * SPEED / (4 * formants)).mean(),
        "delta_f": spacing,
        "vtl_delta_f": SPEED / (2 * spacing),
    }


class Syllables(NamedTuple):
    """Positions of the syllables of a recording.

    Args:
        level: intensity of each frame in dB, shape (frames,)
        times: of the frames in seconds, shape (frames,)
        stretches: start and end of each stretch of speech in seconds
        nuclei: frames of the syllable nuclei
    """

    level: np.ndarray
    times: np.ndarray
    stretches: list[tuple[float, float]]
    nuclei: list[int]


def syllables(sound: parselmouth.Sound, pitch: parselmouth.Pitch) -> Syllables | None:
    """Syllable nuclei and stretches of speech, after the idea of de Jong and Wempe (2009).

    A nucleus is a peak of the intensity above the silence threshold, at least 2 dB above the
    lowest point on either side before the next nucleus, in a voiced frame of a sounding stretch.

    Returns:
        None where the recording is too short for the intensity
    """
    import numpy as np
    from parselmouth.praat import call

    if sound.duration < 6.4 / SYLLABLE_PITCH:
        return None
    intensity = call(sound, "To Intensity", SYLLABLE_PITCH, 0.0, True)
    level, times = intensity.values[0], intensity.xs()
    threshold = max(np.quantile(level, 0.99) - SILENCE, level.min())
    stretches = sounding(level > threshold, times, sound.duration)

    frequency = pitch.selected_array["frequency"]
    nuclei = []
    for peak in peaks(level, DIP):
        time = times[peak]
        frame = round((time - pitch.x1) / pitch.dx)
        voiced = 0 <= frame < len(frequency) and frequency[frame] > 0
        sounds = any(start <= time <= end for start, end in stretches)
        if level[peak] > threshold and voiced and sounds:
            nuclei.append(peak)
    return Syllables(level, times, stretches, nuclei)


def speech(sound: parselmouth.Sound, pitch: parselmouth.Pitch) -> dict[str, float]:
    """Speech rate and pauses."""
    import numpy as np

    values = dict.fromkeys(SPEECH, np.nan)
    found = syllables(sound, pitch)
    if found is None:
        return values
    stretches, nuclei = found.stretches, len(found.nuclei)
    phonation = sum(end - start for start, end in stretches)
    pauses = np.array([after[0] - before[1] for before, after in pairwise(stretches)])
    values |= {
        "nsyll": nuclei,
        "npause": len(pauses),
        "phonationtime_s": phonation,
        "speechrate_nsyll_dur": nuclei / sound.duration,
    }
    if phonation:
        values["articulation_rate_nsyll_phonationtime"] = nuclei / phonation
        values["proportion_pause_duration"] = (sound.duration - phonation) / phonation
    if nuclei:
        values["ASD_speakingtime_nsyll"] = phonation / nuclei
    if len(pauses):
        values["pause_mean_duration"] = pauses.mean()
        values["pause_std_duration"] = pauses.std()
    return values


def peaks(level: np.ndarray, dip: float) -> list[int]:
    """Peaks that rise by ``dip`` from the lowest point before them, and fall by it after them.

    Args:
        level: shape (frames,), dB
        dip: in dB

    Returns:
        their frames
    """
    found = []
    rising, top, bottom = False, 0, level[0]
    for frame, value in enumerate(level):
        if rising:
            if value > level[top]:
                top = frame
            elif value <= level[top] - dip:
                found.append(top)
                rising, bottom = False, value
        elif value >= bottom + dip:
            rising, top = True, frame
        else:
            bottom = min(bottom, value)
    return found


def sounding(loud: np.ndarray, times: np.ndarray, duration: float) -> list[tuple[float, float]]:
    """Stretches of speech: short pauses are bridged, then short sounds dropped.

    Args:
        loud: whether each frame is above the threshold
        times: of the frames, in seconds
        duration: of the recording, in seconds

    Returns:
        start and end of each stretch in seconds
    """
    import numpy as np

    middles = (times[1:] + times[:-1]) / 2
    limits = np.concatenate([[0.0], middles, [duration]])
    changes = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    stretches: list[tuple[float, float]] = []
    for first, stop in changes.reshape(-1, 2):
        start, end = float(limits[first]), float(limits[stop])
        if stretches and start - stretches[-1][1] < SHORTEST_PAUSE:
            start = stretches.pop()[0]
        stretches.append((start, end))
    return [(start, end) for start, end in stretches if end - start >= SHORTEST_SOUND]
