"""Properties and acoustic fingerprint of a recording, for the leakage audit.

No model sees it. docs/leakage_audit.md says how two fingerprints are compared.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from izwi.data.audio import BLOCK
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
# The search sees energy in cells of so many samples, smoothed by two means of so many cells:
# twice 50 ms.
CELL = 2
SMOOTH = 201
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
        from izwi.features.signal import Signal

        self.signal = Signal({})
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
        number, own = len(places), len(self.signal.columns)
        row = np.full(len(self.columns), np.nan, np.float32)
        row[:own] = self.signal(signal, rate)
        row[own:][:number] = places / RATE
        found = np.rint(pictures(samples, places) / STEP) * STEP
        row[own + ANCHORS :][: found.size] = found.ravel()
        return row


def anchors(samples: np.ndarray) -> np.ndarray:
    """The loudest moments of a recording.

    Args:
        samples: at ``RATE``, shape (samples,)

    Returns:
        at most ``ANCHORS`` places, the loudest first; none in digital silence
    """
    import numpy as np

    energy = np.zeros(-(-len(samples) // CELL))
    block = max(1, BLOCK // CELL) * CELL
    for start in range(0, len(samples), block):
        power = np.square(samples[start : start + block])
        own = energy[start // CELL :]
        for i in range(CELL):
            part = power[i::CELL]
            own[: len(part)] += part
    for _ in range(2):
        energy = _summed(energy, SMOOTH)
    inner = energy[1:-1]
    peaks = np.flatnonzero((inner >= energy[:-2]) & (inner > energy[2:])) + 1
    left, height, right = energy[peaks - 1], energy[peaks], energy[peaks + 1]
    # The top of a parabola through a peak and its neighbours lies between the cells.
    top = (left - right) / (2 * (left - 2 * height + right))
    places = np.rint((peaks + top) * CELL + (CELL - 1) / 2).astype(int)
    chosen: list[int] = []
    for place in places[np.argsort(-height, kind="stable")].tolist():
        if all(abs(place - other) >= APART * RATE for other in chosen):
            chosen.append(place)
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
    from scipy.fft import rfft

    if not len(places):
        return np.empty((0, SIZE))
    first = places + HOP // 2 - HOP * FRAMES // 2 - FRAME // 2
    length = HOP * (FRAMES - 1) + FRAME
    around = np.zeros((len(places), length), np.float32)
    for row, begin in zip(around, first.tolist(), strict=True):
        part = samples[max(0, begin) : max(0, begin + length)]
        row[max(0, -begin) :][: len(part)] = part
    window, bands, in_time, in_frequency = _constants()
    frames = np.lib.stride_tricks.sliding_window_view(around, FRAME, axis=1)[:, ::HOP]
    spectra = rfft(frames * window)[..., : len(bands)]
    power = (spectra.real**2 + spectra.imag**2) @ bands
    level = 10 * np.log10(np.maximum(power, np.float32(1e-30)))
    level = np.maximum(level, level.max(axis=(1, 2), keepdims=True) - DEPTH)
    level -= level.mean(axis=(1, 2), keepdims=True)
    return (in_time @ level @ in_frequency).reshape(len(places), SIZE)


def _summed(values: np.ndarray, width: int) -> np.ndarray:
    """Sum over a window of so many values, an odd number, cut at the ends."""
    import numpy as np

    size, half = len(values), width // 2
    sums = np.zeros(size + width)
    np.cumsum(values, out=sums[half + 1 :][:size])
    sums[half + 1 + size :] = sums[half + size]
    return sums[width:] - sums[:-width]


@cache
def _constants() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What all pictures share, float32.

    Returns:
        window of a frame; weights of the bands, shape (bins, bands); what makes coefficients of
        frames, shape (``KEPT``, frames), and of bands, shape (bands, ``KEPT``)
    """
    import numpy as np
    from scipy.fft import dct

    bands = _bands().T
    bands = bands[: np.flatnonzero(bands.any(axis=1))[-1] + 1]
    in_time, in_frequency = (dct(np.eye(n), norm="ortho", axis=0)[:KEPT] for n in (FRAMES, BANDS))
    in_time /= np.sqrt(FRAMES * BANDS)
    found = np.hanning(FRAME + 1)[:-1], bands, in_time, in_frequency.T
    window, bands, in_time, in_frequency = (part.astype(np.float32) for part in found)
    return window, bands, in_time, in_frequency


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
