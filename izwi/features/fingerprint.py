"""Properties and acoustic fingerprint of a recording, for the leakage audit.

No model sees it. docs/leakage_audit.md says how two fingerprints are compared.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from izwi.data.audio import BLOCK
from izwi.features import signal as properties
from izwi.features.base import Extractor

if TYPE_CHECKING:
    import numpy as np

# Compare at this sampling rate (Hz), in bands of this range, which codecs preserve.
RATE = 8000
RANGE = (150.0, 3400.0)
BANDS = 16
# Number of loudest moments that describe a recording, and seconds between them: those that
# trimming leaves stay the same.
ANCHORS = 4
APART = 0.05
# Length in seconds of each of the two means that smooth the energy before the search.
SMOOTH = 0.05
# Frames around an anchor: length and hop in samples, and their number.
FRAME, HOP, FRAMES = 512, 128, 16
# Range below the loudest band and frame in dB; codecs change quieter parts.
DEPTH = 30.0
# Number of coefficients of the cosine transform that are kept, for bands and frames.
KEPT = 8
SIZE = KEPT * KEPT
# In dB.
STEP = 0.01


class Fingerprint(Extractor):
    """Properties of the signal, then for each anchor its time and its picture.

    A picture is a log mel spectrogram around the anchor, minus its mean, as the first coefficients
    of an orthonormal cosine transform: the distance of two is the root mean square of their
    difference in dB. An anchor is a moment of the sound, so gain does not matter, nor sound that
    is cut off or added before it. Values are float32; NaN for missing anchors.
    """

    name = "fingerprint"
    packages = ("numpy", "scipy", "audresample")

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.signal = properties.Signal({})
        self.columns = [
            *self.signal.columns,
            *(f"time_{anchor}" for anchor in range(ANCHORS)),
            *(f"anchor_{anchor}_{i}" for anchor in range(ANCHORS) for i in range(SIZE)),
        ]

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Describe one row; see the base class."""
        import numpy as np

        from izwi.data import audio

        samples = audio.resample(audio.mix(signal), rate, RATE)[0]
        places = anchors(samples)
        times = np.full(ANCHORS, np.nan)
        times[: len(places)] = places / RATE
        found = np.full((ANCHORS, SIZE), np.nan)
        for row, picture in zip(found, pictures(samples, places), strict=False):
            row[:] = picture
        found = np.round(found / STEP) * STEP
        return np.concatenate([self.signal(signal, rate), times, found.ravel()]).astype(np.float32)


def anchors(samples: np.ndarray) -> np.ndarray:
    """The loudest moments of a recording.

    Args:
        samples: at ``RATE``, shape (samples,)

    Returns:
        at most ``ANCHORS`` places, the loudest first; none in digital silence
    """
    import numpy as np

    half = round(SMOOTH * RATE / 2)
    places, heights = [], []
    for start in range(0, len(samples), BLOCK):
        # What the means of a block, and of the samples beside it, are made of.
        low = max(0, start - 2 * half - 1)
        stop = min(len(samples), start + BLOCK)
        energy = samples[low : stop + 2 * half + 1].astype(np.float64) ** 2
        for _ in range(2):
            energy = _mean(energy, half)
        inner = energy[1:-1]
        peaks = np.flatnonzero((inner >= energy[:-2]) & (inner > energy[2:])) + 1
        peaks = peaks[(peaks + low >= start) & (peaks + low < stop)]
        places.append(peaks + low)
        heights.append(energy[peaks])
    if not places:
        return np.array([], dtype=int)
    peaks, height = np.concatenate(places), np.concatenate(heights)
    chosen: list[int] = []
    for place in peaks[np.argsort(-height, kind="stable")]:
        if all(abs(place - other) >= APART * RATE for other in chosen):
            chosen.append(int(place))
            if len(chosen) == ANCHORS:
                break
    return np.array(chosen, dtype=int)


def pictures(samples: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Spectrograms around some positions.

    Args:
        samples: at ``RATE``, shape (samples,)
        places: of the anchors, shape (anchors,)

    Returns:
        coefficients in dB, shape (anchors, ``SIZE``)
    """
    import numpy as np
    from scipy.fft import dctn

    if not len(places):
        return np.empty((0, SIZE))
    first = places[:, None] + HOP // 2 - HOP * FRAMES // 2 - FRAME // 2
    at = (first + HOP * np.arange(FRAMES))[..., None] + np.arange(FRAME)
    inside = (at >= 0) & (at < len(samples))
    frames = np.where(inside, samples[np.clip(at, 0, len(samples) - 1)], 0).astype(np.float64)
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME + 1)[:-1])) ** 2 @ _bands().T
    level = 10 * np.log10(np.maximum(power, 1e-30))
    level = np.maximum(level, level.max(axis=(1, 2), keepdims=True) - DEPTH)
    level -= level.mean(axis=(1, 2), keepdims=True)
    transformed = dctn(level, norm="ortho", axes=(1, 2))[:, :KEPT, :KEPT]
    return transformed.reshape(len(places), SIZE) / np.sqrt(FRAMES * BANDS)


def _mean(values: np.ndarray, half: int) -> np.ndarray:
    """Mean over a window of 2 · half + 1 values, cut at the ends."""
    import numpy as np

    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    upper = np.minimum(places + half + 1, len(values))
    return (sums[upper] - sums[np.maximum(places - half, 0)]) / (2 * half + 1)


@cache
def _bands() -> np.ndarray:
    """Triangles of equal width on the mel scale, shape (bands, bins); each adds up to 1."""
    import numpy as np

    low, high = (2595 * np.log10(1 + f / 700) for f in RANGE)
    corners = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bins = np.fft.rfftfreq(FRAME, 1 / RATE)
    weights = np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle))
    weights = np.maximum(weights, 0)
    return weights / weights.sum(axis=1, keepdims=True)
