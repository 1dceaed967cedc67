"""Log mel spectrograms of a fixed width, for convolutional nets.

docs/spectra.md has the definition.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from izwi.config.options import Option, feature_option
from izwi.errors import UserError
from izwi.features.picture import Picture, cells

if TYPE_CHECKING:
    import numpy as np

RATE = 16000
# Mean power of a band, relative to (window sum)²: below it is silence, -100 dB.
FLOOR = 1e-10


def _option(name: str, default: float, doc: str, **limits: Any) -> Option:
    kind = "int" if isinstance(default, int) else "float"
    return feature_option(name, kind, default, f"spectra: {doc}", **limits)


class Spectra(Picture):
    """Log mel spectrograms at 16 kHz, a column for each band and frame.

    Values are float32, in dB. A recording shorter than ``spectra.duration`` goes on with silence;
    of a longer one the beginning is kept, with a warning.
    """

    name = "spectra"
    prefix = "spectra."
    title = ("fft_nbands",)
    packages = ("numpy", "audresample")
    options = (
        _option("fft_win_dur", 25.0, "length of a frame in ms", minimum=1, maximum=1000),
        _option("fft_hop_dur", 10.0, "time between frames in ms", minimum=1, maximum=1000),
        _option("fft_nbands", 64, "number of mel bands", minimum=2, maximum=256),
        _option(
            "spectra.duration",
            4.0,
            "seconds of each recording that a net sees; shorter ones are padded with silence, "
            "longer ones are cut, with a warning",
            minimum=0.01,
            maximum=60,
            aliases=("fft_duration",),
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.window = round(self.values["fft_win_dur"] / 1000 * RATE)
        self.hop = round(self.values["fft_hop_dur"] / 1000 * RATE)
        self.bands = self.values["fft_nbands"]
        self.frames = max(1, round(self.values["spectra.duration"] * RATE / self.hop))
        self.columns = cells("mel", self.bands, self.frames)
        self.seen = (self.frames * self.hop / RATE, "spectra.duration")

    @classmethod
    def content(cls, options: dict[str, Any]) -> None:
        """Check that frames leave no gap.

        Raises:
            UserError: if audio lies between them
        """
        window, hop = options.get("fft_win_dur", 25.0), options.get("fft_hop_dur", 10.0)
        if hop > window:
            raise UserError(
                f"[FEATS] fft_hop_dur: {hop:g} ms is more than fft_win_dur, {window:g}: audio "
                "between the frames would be lost"
            )

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np

        from izwi.data import audio

        reach = self.hop * (self.frames - 1) + self.window
        samples = audio.resample(audio.mix(signal), rate, RATE)[0][:reach]
        samples = np.pad(samples, (0, reach - len(samples)))
        power = self._power(samples)
        return (10 * np.log10(np.maximum(power, FLOOR))).astype(np.float32).ravel()

    def _power(self, samples: np.ndarray) -> np.ndarray:
        """Power of each band and frame, shape (bands, frames)."""
        import numpy as np

        frames = np.lib.stride_tricks.sliding_window_view(samples, self.window)[:: self.hop]
        window = np.hanning(self.window + 1)[:-1]
        filters = mel_filters(self.bands, self.window)
        spectrum = np.fft.rfft(frames * window, 2 * (filters.shape[1] - 1))
        return filters @ (np.abs(spectrum.T) / window.sum()) ** 2


@cache
def mel_filters(bands: int, window: int) -> np.ndarray:
    """Triangles of equal width on the mel scale (2595 log10(1 + f / 700)), 0 Hz to 8 kHz.

    The FFT is long enough that no triangle falls between two of its frequencies.

    Args:
        bands: their number
        window: shortest length of the FFT

    Returns:
        shape (bands, length of the FFT / 2 + 1); the weights of a band add up to 1
    """
    import numpy as np

    top = 2595 * np.log10(1 + RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    # The first triangle is the narrowest.
    length = 1 << math.ceil(math.log2(max(window, RATE / corners[1])))
    bins = np.fft.rfftfreq(length, 1 / RATE)
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    weights = np.maximum(0, np.minimum(rise, fall))
    return weights / weights.sum(axis=1, keepdims=True)
