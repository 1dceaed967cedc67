"""Mid-level descriptors of prosody: syllables, and the shape of F0, energy and timing.

docs/mld_features.md has the definition and unit of each.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from izwi.config.options import Option, feature_option
from izwi.errors import UserError
from izwi.features import praat
from izwi.features.base import FrugalExtractor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import parselmouth

# Of each syllable; of these come mean, standard deviation, lowest and highest over the syllables.
SYLLABLE = (
    "dur",
    "voiced",
    "f0_level",
    "f0_range",
    "f0_slope",
    "f0_curve",
    "f0_peak",
    "en_level",
    "en_range",
    "en_slope",
    "en_curve",
    "en_peak",
)
STATISTICS = ("mean", "sd", "min", "max")
# Of the last syllable, where phrases lengthen and fall.
FINAL = ("dur", "f0_level", "f0_slope", "en_level")
SEQUENCE = ("f0_step", "en_step", "f0_en_corr", "f0_base_slope", "f0_top_slope", "dur_slope")
CONTOUR = ("sd", "range", "slope", "curve", "peak", "residual")
RHYTHM = ("rate", "articulation_rate", "dur_varco", "dur_npvi", "gap_mean", "gap_sd", "gap_npvi")
PAUSES = ("n", "rate", "share", "mean", "sd", "max")
PHRASES = ("n", "dur_mean", "dur_sd", "syl_mean")
COLUMNS = (
    "duration",
    "n_syl",
    "voiced_share",
    "f0_median",
    *(f"f0_{name}" for name in CONTOUR),
    *(f"en_{name}" for name in CONTOUR),
    *(f"pause_{name}" for name in PAUSES),
    *(f"phrase_{name}" for name in PHRASES),
    *(f"rhythm_{name}" for name in RHYTHM),
    *(f"syl_{name}_{statistic}" for name in SYLLABLE for statistic in STATISTICS),
    *(f"last_{name}" for name in FINAL),
    *(f"seq_{name}" for name in SEQUENCE),
)


class Contour(NamedTuple):
    """Values over time, both of shape (frames,); times in seconds."""

    times: np.ndarray
    values: np.ndarray

    def within(self, start: float, end: float) -> Contour:
        """The part from start to end."""
        inside = (self.times >= start) & (self.times <= end)
        return Contour(self.times[inside], self.values[inside])


class Mld(FrugalExtractor):
    """Syllable nuclei, and per syllable and recording F0, energy, duration, rhythm and pauses.

    F0 is in semitones from the recording's median, energy in dB from its mean, so neither depends
    on the voice's pitch or the recording's level. Values are float64.
    """

    name = "mld"
    prefix = "mld."
    packages = ("praat-parselmouth",)
    parallel = "processes"
    remarked = ("n_syl",)
    options = (
        feature_option(
            "min_syls",
            "int",
            1,
            "mld: with fewer syllables, features of syllables are undefined; such rows stay, and a "
            "warning counts them",
            minimum=0,
            maximum=1000,
            aliases=("mld.min_syls",),
        ),
        feature_option(
            "mld.f0_min",
            "float",
            praat.F0_RANGE["min"],
            "mld: lowest F0 in Hz",
            minimum=20,
            maximum=1000,
        ),
        feature_option(
            "mld.f0_max",
            "float",
            praat.F0_RANGE["max"],
            "mld: highest F0 in Hz",
            minimum=50,
            maximum=2000,
        ),
        feature_option("mld.df", "str", "Mld", "mld: the set of descriptors", choices=("Mld",)),
        Option(
            "FEATS",
            "mld.model",
            "any",
            doc="folder of the sources of mid-level descriptors",
            aliases=("mld",),
            status="inert",
            advice="izwi has its own mid-level descriptors",
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
        low, high = (options.get(f"mld.f0_{end}", limit) for end, limit in praat.F0_RANGE.items())
        if low >= high:
            raise UserError(f"[FEATS] mld.f0_min: {low:g} Hz is not below mld.f0_max, {high:g}")

    def take(self, box: list[np.ndarray], rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np
        import parselmouth
        from parselmouth.praat import call

        from izwi.data import audio

        low, high = self.values["mld.f0_min"], self.values["mld.f0_max"]
        sound = praat.sound_of(box.pop(), rate)
        needed = max(3 / low, 6.4 / praat.SYLLABLE_PITCH)
        if sound.duration < needed:
            raise audio.AudioError(
                f"{sound.duration:.3f} s are too short for syllables: {needed:.3f} s are needed"
            )
        try:
            pitch = call(sound, "To Pitch", 0.0, low, high)
            found = praat.syllables(sound, pitch)
        except parselmouth.PraatError as error:
            raise audio.AudioError(f"Praat: {str(error).splitlines()[0]}") from error
        assert found is not None, "long enough for the intensity, as checked above"
        values = dict.fromkeys(self.columns, np.nan)
        values |= describe(sound.duration, pitch, found, self.values["min_syls"])
        return np.array([values[name] for name in self.columns], dtype=np.float64)

    def remarks(self, matrix: pd.DataFrame) -> list[str]:
        """How many rows have too few syllables; see the base class."""
        least = self.values["min_syls"]
        few = int((matrix["n_syl"] < least).sum())
        if not few:
            return []
        return [
            f"mld: {few} of {len(matrix)} rows have fewer than min_syls = {least} syllables; what "
            "describes syllables is undefined there"
        ]


def describe(
    duration: float, pitch: parselmouth.Pitch, found: praat.Syllables, min_syls: int
) -> dict[str, float]:
    """All descriptors that are defined.

    Args:
        duration: of the recording in seconds
        pitch: its F0
        found: its syllables
        min_syls: minimum number of syllables for their statistics
    """
    import numpy as np

    frequency, times = pitch.selected_array["frequency"], pitch.xs()
    voiced = frequency > 0
    sounds = within(times, found.stretches)
    values: dict[str, float] = {"duration": duration, "n_syl": len(found.nuclei)}
    values |= timing(duration, found.stretches)
    if not found.stretches:
        return values
    if sounds.any():
        values["voiced_share"] = (voiced & sounds).sum() / sounds.sum()
    f0 = Contour(times[voiced], frequency[voiced])
    if len(f0.values):
        median = np.median(f0.values)
        f0 = Contour(f0.times, 12 * np.log2(f0.values / median))
        values["f0_median"] = median
    speech = within(found.times, found.stretches)
    energy = Contour(found.times, found.level - found.level[speech].mean())
    for name, contour in (("f0", f0), ("en", Contour(energy.times[speech], energy.values[speech]))):
        values |= {f"{name}_{key}": value for key, value in shape(contour).items()}
    if len(found.nuclei) >= max(min_syls, 1):
        values |= sequence(found, f0, energy, times)
        values["rhythm_rate"] = len(found.nuclei) / duration
        phonation = sum(end - start for start, end in found.stretches)
        values["rhythm_articulation_rate"] = len(found.nuclei) / phonation
        values["phrase_syl_mean"] = len(found.nuclei) / len(found.stretches)
    return values


def within(times: np.ndarray, stretches: list[tuple[float, float]]) -> np.ndarray:
    """Which of some ascending times lie in one of the stretches, ends included; shape (frames,)."""
    import numpy as np

    inside = np.zeros(len(times), dtype=bool)
    for start, end in stretches:
        inside[np.searchsorted(times, start) : np.searchsorted(times, end, side="right")] = True
    return inside


def timing(duration: float, stretches: list[tuple[float, float]]) -> dict[str, float]:
    """Pauses between stretches of speech, and these stretches."""
    import numpy as np

    pauses = np.array([after[0] - before[1] for before, after in pairwise(stretches)])
    lengths = np.array([end - start for start, end in stretches])
    values = {
        "pause_n": len(pauses),
        "pause_rate": len(pauses) / duration,
        "phrase_n": len(stretches),
    }
    if len(lengths):
        values["pause_share"] = pauses.sum() / (stretches[-1][1] - stretches[0][0])
        values["phrase_dur_mean"] = lengths.mean()
        values["phrase_dur_sd"] = deviation(lengths)
    if len(pauses):
        values |= {"pause_mean": pauses.mean(), "pause_max": pauses.max()}
        values["pause_sd"] = deviation(pauses)
    return values


def sequence(
    found: praat.Syllables, f0: Contour, energy: Contour, times: np.ndarray
) -> dict[str, float]:
    """Descriptors of syllables, one by one and in their order.

    Args:
        found: the syllables, at least one
        f0: in semitones, voiced frames only
        energy: in dB, all frames
        times: of all frames of F0, in seconds
    """
    import numpy as np

    spans = limits(found)
    nuclei = found.times[found.nuclei]
    rows = [
        syllable(span, nucleus, f0.within(*span), energy.within(*span), times)
        for span, nucleus in zip(spans, nuclei, strict=True)
    ]
    of = {name: np.array([row[name] for row in rows]) for name in (*SYLLABLE, "f0_low", "f0_high")}
    values = {}
    for name in SYLLABLE:
        known = of[name][~np.isnan(of[name])]
        if len(known):
            statistics = (known.mean(), deviation(known), known.min(), known.max())
            for statistic, value in zip(STATISTICS, statistics, strict=True):
                values[f"syl_{name}_{statistic}"] = value
    values |= {f"last_{name}": of[name][-1] for name in FINAL}
    values["last_dur"] /= of["dur"].mean()

    together = np.array([a[1] == b[0] for a, b in pairwise(spans)], dtype=bool)
    gaps = np.diff(nuclei)[together]
    values |= {
        "seq_f0_step": mean(np.abs(np.diff(of["f0_level"]))),
        "seq_en_step": mean(np.abs(np.diff(of["en_level"]))),
        "seq_f0_en_corr": correlation(of["f0_level"], of["en_level"]),
        "seq_f0_base_slope": slope(Contour(nuclei, of["f0_low"])),
        "seq_f0_top_slope": slope(Contour(nuclei, of["f0_high"])),
        "seq_dur_slope": slope(Contour(nuclei, of["dur"])),
        "rhythm_dur_varco": 100 * deviation(of["dur"]) / of["dur"].mean(),
        "rhythm_dur_npvi": npvi(of["dur"], together),
        "rhythm_gap_mean": mean(gaps),
        "rhythm_gap_sd": deviation(gaps),
        # Two gaps are neighbours if their three syllables are.
        "rhythm_gap_npvi": npvi(np.diff(nuclei), together[:-1] & together[1:]),
    }
    return values


def limits(found: praat.Syllables) -> list[tuple[float, float]]:
    """Start and end of each syllable in seconds.

    Within a stretch of speech syllables meet where the intensity is lowest between their nuclei;
    the first begins and the last ends with the stretch.
    """
    import numpy as np

    spans = []
    for start, end in found.stretches:
        own = [n for n in found.nuclei if start <= found.times[n] <= end]
        valleys = [a + int(np.argmin(found.level[a : b + 1])) for a, b in pairwise(own)]
        edges = [start, *(float(found.times[v]) for v in valleys), end]
        if own:
            spans += list(pairwise(edges))
    return spans


def syllable(
    span: tuple[float, float], nucleus: float, f0: Contour, energy: Contour, times: np.ndarray
) -> dict[str, float]:
    """Descriptors of one syllable, with its lowest and highest F0.

    Args:
        span: its start and end in seconds
        nucleus: in seconds
        f0: of its voiced frames
        energy: of its frames
        times: of all frames of F0
    """
    import numpy as np

    start, end = span
    frames = np.count_nonzero((times >= start) & (times <= end))
    values = dict.fromkeys((*SYLLABLE, "f0_low", "f0_high"), np.nan)
    values |= {"dur": end - start, "en_peak": (nucleus - start) / (end - start)}
    if frames:
        values["voiced"] = len(f0.times) / frames
    for name, contour in (("f0", f0), ("en", energy)):
        if len(contour.times):
            values[f"{name}_level"] = contour.values.mean()
            values[f"{name}_range"] = np.ptp(contour.values)
        values[f"{name}_slope"] = slope(contour)
        values[f"{name}_curve"] = curve(contour)
    if len(f0.times):
        values["f0_low"], values["f0_high"] = f0.values.min(), f0.values.max()
        values["f0_peak"] = (f0.times[f0.values.argmax()] - start) / (end - start)
    return values


def shape(contour: Contour) -> dict[str, float]:
    """Descriptors of a contour over the whole recording, NaN where there are too few frames."""
    import numpy as np

    times, values = contour
    found = dict.fromkeys(CONTOUR, np.nan)
    if len(values) < 2:
        return found
    low, high = np.quantile(values, (0.05, 0.95))
    found |= {
        "sd": deviation(values),
        "range": high - low,
        "slope": slope(contour),
        "curve": curve(contour),
        "peak": (times[values.argmax()] - times[0]) / (times[-1] - times[0]),
    }
    if len(values) > 2:
        line = np.polynomial.Polynomial.fit(times, values, 1)
        found["residual"] = float(np.sqrt(np.mean((values - line(times)) ** 2)))
    return found


def slope(contour: Contour) -> float:
    """Slope of the least-squares line, per second; NaN below three points."""
    import numpy as np

    known = ~np.isnan(contour.values)
    if known.sum() < 3:
        return np.nan
    times = contour.times[known] - contour.times[known].mean()
    return float((times * contour.values[known]).sum() / (times**2).sum())


def curve(contour: Contour) -> float:
    """Quadratic term of the least-squares parabola over time from -1 to 1; NaN below four points.

    Positive for a valley, negative for a hill; the rise from its middle to both ends.
    """
    import numpy as np

    if len(contour.values) < 4:
        return np.nan
    # Polynomial.fit maps the times to -1 to 1.
    return float(np.polynomial.Polynomial.fit(*contour, 2).coef[2])


def npvi(lengths: np.ndarray, neighbours: np.ndarray) -> float:
    """Normalised pairwise variability index (Grabe and Low 2002), in percent.

    Args:
        lengths: shape (n,)
        neighbours: whether each and the next belong to one phrase, shape (n - 1,)
    """
    import numpy as np

    before, after = lengths[:-1], lengths[1:]
    return 100 * mean((np.abs(after - before) / ((after + before) / 2))[neighbours])


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's, NaN below three pairs or without variance."""
    import numpy as np

    known = ~(np.isnan(a) | np.isnan(b))
    if known.sum() < 3 or np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0:
        return np.nan
    return float(np.corrcoef(a[known], b[known])[0, 1])


def mean(values: np.ndarray) -> float:
    """Mean of the defined values, NaN if there are none."""
    import numpy as np

    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def deviation(values: np.ndarray) -> float:
    """Standard deviation (n - 1), NaN below two values."""
    import numpy as np

    return float(values.std(ddof=1)) if len(values) > 1 else np.nan
