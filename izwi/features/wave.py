"""The recording itself, for models that are trained on audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.features.base import Extractor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RATE = 16000
# Minimum number of samples for a frame of wav2vec 2.0 and similar models.
SHORTEST = 0.025


class Wave(Extractor):
    """Mono audio at 16 kHz in 16 bits: one feature, whose values are arrays of any length.

    The model that reads it sets its only option, the ``seconds`` to keep of each recording; a
    warning gives the number of longer ones.
    """

    name = "wave"
    title = ("seconds",)
    packages = ("numpy", "audresample")
    asides: tuple[str, ...] = ("duration",)
    is_vector = False

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__({})
        self.seconds = options["seconds"]
        self.columns = ["wave"]

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Samples of one row, shape (1,), an array of shape (samples,) and type int16."""
        import numpy as np

        from izwi.data import audio

        if signal.shape[1] < SHORTEST * rate:
            raise audio.AudioError(f"{signal.shape[1] / rate:.3f} s are too short for {self.name}")
        samples = audio.resample(audio.mix(signal), rate, RATE)[0][: round(self.seconds * RATE)]
        features = np.empty(1, dtype=object)
        features[0] = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
        return features

    def aside(self, signal: np.ndarray, rate: int) -> list[float]:
        """Duration of one row in seconds; see the base class."""
        return [signal.shape[1] / rate]

    def remarks(self, matrix: pd.DataFrame) -> list[str]:
        """How many rows were cut; see the base class."""
        duration = matrix["duration"].astype(float)
        longer = duration > self.seconds + 0.5 / RATE
        if not longer.any():
            return []
        return [
            f"wave: {int(longer.sum())} of {len(duration)} rows are longer than {self.seconds:g} s "
            f"(up to {duration.max():.2f} s) and cut there; raise MODEL.max_duration to use more "
            "of them"
        ]
