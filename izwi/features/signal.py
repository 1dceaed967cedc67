"""Properties of a recording other than speech: duration, sampling rate, level, padding, clipping.

docs/signal_features.md has the definition and unit of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.data.audio import BLOCK
from izwi.features.base import Extractor

if TYPE_CHECKING:
    import numpy as np

COLUMNS = (
    "duration",
    "sampling_rate",
    "channels",
    "level",
    "peak",
    "noise_floor",
    "offset",
    "silence",
    "clipped",
    "padding_start",
    "padding_end",
)
# dBFS of digital silence, and the least of anything else: a model takes no infinity. The last of
# 16 bits is at -90.
FLOOR = -120.0
# Largest positive sample of 16 bits.
FULL_SCALE = 32767 / 32768
# Seconds of a frame, and the level (dBFS) below which it is silent.
FRAME = 0.02
SILENT = -60.0
# The noise floor is the level that this share of the frames does not exceed.
QUIET = 0.1


class Signal(Extractor):
    """Properties of the recording, not of the speech in it; channels are not mixed.

    Models with only these features are controls: they know nothing of the speech. Values are
    float64.
    """

    name = "signal"
    prefix = "signal."
    packages = ("numpy",)

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.columns = list(COLUMNS)

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np

        channels, samples = signal.shape
        # A recording shorter than a frame is one frame; a rest at the end is ignored.
        length = min(max(1, round(FRAME * rate)), samples)
        block = max(1, BLOCK // length) * length
        frames = np.empty(samples // length)
        energy = total = peak = 0.0
        clipped = 0
        # In a recording without a sound, all is padding, seen from either end.
        first, last = samples, -1
        for start in range(0, samples, block):
            part = signal[:, start : start + block]
            power = np.square(part, dtype=np.float64)
            magnitude = np.abs(part)
            loudest = magnitude.max()
            whole = part.shape[1] // length
            mixed = power[0] if channels == 1 else power.mean(axis=0)
            mean = mixed[: whole * length].reshape(whole, length).mean(axis=1)
            frames[start // length :][:whole] = decibel(np.sqrt(mean))
            energy += power.sum()
            total += part.sum(dtype=np.float64)
            peak = max(peak, loudest)
            if loudest >= FULL_SCALE:
                clipped += (magnitude >= FULL_SCALE).sum()
            if loudest > 0:
                sounding = (magnitude > 0).any(axis=0)
                first = min(first, start + int(np.argmax(sounding)))
                last = start + len(sounding) - 1 - int(np.argmax(sounding[::-1]))
        return np.array(
            [
                samples / rate,
                rate,
                channels,
                decibel(np.sqrt(energy / signal.size)),
                decibel(peak),
                _quantile(frames, QUIET),
                total / signal.size,
                (frames < SILENT).mean(),
                clipped / signal.size,
                first / rate,
                (samples - 1 - last) / rate,
            ]
        )


def decibel(amplitude: np.ndarray | float) -> np.ndarray:
    """Amplitudes in dBFS, relative to a full scale of 1 and not below ``FLOOR``.

    Args:
        amplitude: not negative, of any shape

    Returns:
        the same shape
    """
    import numpy as np

    return 20 * np.log10(np.maximum(amplitude, 10 ** (FLOOR / 20)))


def _quantile(values: np.ndarray, share: float) -> float:
    """What `numpy.quantile` returns, which takes longer than all else of a short recording."""
    import numpy as np

    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    part = np.partition(values, (low, high))
    rest, step = at - low, part[high] - part[low]
    return part[high] - step * (1 - rest) if rest >= 0.5 else part[low] + step * rest
