"""The signal-to-noise ratio of speech, estimated from the recording alone.

docs/predicted_properties.md compares the two estimates on speech with planted noise.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from izwi.config.options import feature_option
from izwi.features.base import Extractor

if TYPE_CHECKING:
    import numpy as np

# Shape of the gamma distribution of the amplitudes of clean speech (Kim & Stern, 2008).
SHAPE = 0.4
# dB: what the estimate by WADA is looked up in.
LOWEST, HIGHEST, STEP = -20.0, 100.0, 0.25
# Amplitudes below it count as it: the logarithm of digital silence is none.
SMALLEST = 1e-10
# Seconds of a frame and from one to the next, and the least energy of a frame.
FRAME, HOP = 0.02, 0.01
LEAST_ENERGY = 1e-12


class Snr(Extractor):
    """The signal-to-noise ratio in dB, estimated by signal processing alone.

    ``wada`` compares the amplitudes with those of a mixture of speech, whose amplitudes are gamma
    distributed, and Gaussian noise: C. Kim & R. M. Stern, "Robust signal-to-noise ratio estimation
    based on waveform amplitude distribution analysis", Interspeech 2008. ``quartiles`` is the
    distance of the quarter of frames with the highest from the quarter with the lowest energy. All
    channels are mixed; the sampling rate stays. Digital silence at the ends is left out. Values
    are float64.
    """

    name = "snr"
    packages = ("numpy", "scipy")
    options = (
        feature_option(
            "snr.method",
            "str",
            "wada",
            "snr: wada (amplitude distribution, Kim & Stern 2008), or quartiles (loud against "
            "quiet frames, as in nkululeko)",
            choices=("wada", "quartiles"),
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.columns = ["snr"]

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np

        from izwi.data import audio

        mono = audio.mix(signal)[0].astype(np.float64)
        sounding = np.flatnonzero(mono)
        if not len(sounding):
            raise audio.AudioError("digital silence has no signal-to-noise ratio")
        # Padding is no part of what was recorded.
        mono = mono[sounding[0] : sounding[-1] + 1]
        if self.values["snr.method"] == "wada":
            return np.array([wada(mono)])
        found = quartiles(mono, rate)
        if found is None:
            raise audio.AudioError(f"shorter than a frame of {1000 * FRAME:g} ms")
        return np.array([found])


def wada(signal: np.ndarray) -> float:
    """Signal-to-noise ratio by waveform amplitude distribution analysis, dB.

    Args:
        signal: shape (samples,), not only zeros

    Returns:
        from `LOWEST` to `HIGHEST`
    """
    import numpy as np

    magnitude = np.maximum(np.abs(signal), SMALLEST)
    ratio = np.log(magnitude.mean()) - np.log(magnitude).mean()
    decibels, ratios = amplitude_table()
    return float(np.interp(ratio, ratios, decibels))


@cache
def amplitude_table() -> tuple[np.ndarray, np.ndarray]:
    """ln E|z| - E ln|z| of speech in noise, by signal-to-noise ratio.

    z = a + n, with a gamma distributed |a| of shape `SHAPE` and Gaussian n of deviation s. Given
    |a| = s √2 x, E|z| = s (√(2/π) exp(-x²) + √2 x erf(x)) and E ln|z| = ln s - (γ + ln 2)/2 +
    2 ∫₀ˣ D(t) dt, where D is Dawson's integral (the expectation of the logarithm of a noncentral
    χ² variable, differentiated by its noncentrality). The mean over |a| is a sum over ln|a|.

    Returns:
        signal-to-noise ratios in dB, ascending, and the value of each, ascending
    """
    import numpy as np
    from scipy.special import dawsn, erf

    decibels = np.arange(LOWEST, HIGHEST + STEP / 2, STEP)
    log_a = np.linspace(-60.0, 5.0, 1301)
    a = np.exp(log_a)
    weights = a**SHAPE * np.exp(-a)
    weights /= weights.sum()
    # The power of speech is k (k + 1).
    noise = np.sqrt(SHAPE * (SHAPE + 1) / 10 ** (decibels / 10))
    log_x = np.linspace(-40.0, 25.0, 6501)
    x = np.exp(log_x)
    # dt = t d(ln t); below the first point the integral is x²/2, less than 1e-34.
    slope = dawsn(x) * x
    integral = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(log_x))])
    ratios = []
    for s in noise:
        own = a / (s * np.sqrt(2))
        magnitude = s * (np.sqrt(2 / np.pi) * np.exp(-(own**2)) + np.sqrt(2) * own * erf(own))
        constant = np.log(s) - (np.euler_gamma + np.log(2)) / 2
        logarithm = constant + 2 * np.interp(np.log(own), log_x, integral)
        ratios.append(np.log(weights @ magnitude) - weights @ logarithm)
    return decibels, np.array(ratios)


def quartiles(signal: np.ndarray, rate: int) -> float | None:
    """Distance of loud and quiet frames, dB.

    Of frames of `FRAME` seconds, one each `HOP`, in a Hamming window: the mean log energy of the
    frames from the third quartile up, less that of the frames up to the first quartile.

    Args:
        signal: shape (samples,)
        rate: sampling rate in Hz

    Returns:
        the distance; None if the signal is shorter than a frame
    """
    import numpy as np

    length, hop = round(FRAME * rate), max(1, round(HOP * rate))
    if len(signal) < length:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(signal, length)[::hop]
    energy = np.square(frames) @ np.square(np.hamming(length))
    log_energy = np.log(np.maximum(energy, LEAST_ENERGY))
    low, high = np.percentile(log_energy, [25, 75])
    gap = log_energy[log_energy >= high].mean() - log_energy[log_energy <= low].mean()
    return float(10 * gap / np.log(10))
