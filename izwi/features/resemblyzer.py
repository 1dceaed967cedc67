"""Speaker embeddings of Resemblyzer, whose weights lie in its package.

A net of three LSTMs (Wan et al., 2018, "Generalized end-to-end loss for speaker verification")
hears windows of 1.6 s; the embedding is the mean of theirs, of length 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.engine import keys
from izwi.features import bundled, pretrained
from izwi.features.base import BatchExtractor

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    import numpy as np

RATE = 16000
SIZE = 256
BANDS, WINDOW, HOP = 40, 400, 160
# Frames of a window, the steps between two, and the share of the last that must be speech.
FRAMES, PER_SECOND, COVERED = 160, 1.3, 0.75
# Quieter recordings are raised to this level, dBFS.
LEVEL = -30.0
# Windows that the net hears at once.
AT_ONCE = 256


class Resemblyzer(BatchExtractor):
    """Speaker embeddings of Resemblyzer, 256 values, none negative, of length 1.

    As the package's ``embed_utterance``, but for pauses, which it shortens before.
    """

    name = "resemblyzer"
    prefix = "resemblyzer."
    packages = ("torch", "Resemblyzer", "audresample", "numpy")
    environment = "deep"

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.columns = [f"resemblyzer_{i}" for i in range(SIZE)]
        self.lstm: Any = None

    @staticmethod
    def _weights() -> Path:
        where = "[FEATS] type: resemblyzer"
        return bundled.file_of("Resemblyzer", "resemblyzer", "pretrained.pt", where)

    @classmethod
    def content(cls, options: dict[str, Any]) -> list[str]:
        """Digest of the weights; see the base class."""
        pretrained.check_installed("[FEATS] type: resemblyzer", "torch")
        return [keys.large_files.digest(str(cls._weights()))]

    def load(self) -> None:
        """Load the weights, as tensors."""
        if self.lstm is not None:
            return
        import torch

        from izwi.features import filters

        path = self._weights()
        found = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        self.lstm = torch.nn.LSTM(BANDS, SIZE, 3, batch_first=True)
        self.linear = torch.nn.Linear(SIZE, SIZE)
        for part, net in (("lstm", self.lstm), ("linear", self.linear)):
            start = f"{part}."
            net.load_state_dict(
                {key[len(start) :]: value for key, value in found.items() if key.startswith(start)}
            )
        self.mel = filters.slaney_mel(BANDS, WINDOW, RATE)

    def start_thread(self) -> None:
        """Compute on one core; the workers share the model and the other cores."""
        import torch

        torch.set_num_threads(1)

    def prepare(self, signal: np.ndarray, rate: int) -> tuple[Hashable, Any]:
        """Mel spectra of the windows of a row, shape (windows, frames, bands)."""
        import numpy as np

        from izwi.data import audio
        from izwi.features import filters

        samples = audio.resample(audio.mix(signal), rate, RATE)[0]
        level = np.sqrt(np.mean(samples.astype(np.float64) ** 2)) if len(samples) else 0.0
        if level < 1e-7:
            raise audio.AudioError("silent")
        samples = samples * max(1.0, 10 ** (LEVEL / 20) / level)
        starts = window_starts(len(samples))
        reach = (starts[-1] + FRAMES) * HOP
        samples = np.pad(samples, (WINDOW // 2, WINDOW // 2 + max(0, reach - len(samples))))
        window = np.hanning(WINDOW + 1)[:-1]
        spectra = filters.power(samples, window, HOP, WINDOW)
        mel = np.concatenate([part @ self.mel for part in spectra]).astype(np.float32)
        return None, np.stack([mel[start : start + FRAMES] for start in starts])

    def capacity(self, group: Hashable) -> int:
        """One row, which is a batch of windows itself."""
        return 1

    def batch(self, group: Hashable, items: list[np.ndarray]) -> list[np.ndarray]:
        """Embed the windows of a row; see the base class."""
        return [self._embed(item) for item in items]

    def _embed(self, windows: np.ndarray) -> np.ndarray:
        import numpy as np
        import torch

        parts = []
        with torch.inference_mode():
            for first in range(0, len(windows), AT_ONCE):
                some = torch.from_numpy(windows[first : first + AT_ONCE])
                _, (hidden, _) = self.lstm(some)
                raw = self.linear(hidden[-1]).relu()
                parts.append((raw / raw.norm(dim=1, keepdim=True)).numpy())
        mean = np.concatenate(parts).mean(axis=0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)


def window_starts(samples: int) -> list[int]:
    """First frame of each window.

    Args:
        samples: length of the recording at 16 kHz
    """
    step = round(RATE / PER_SECOND / HOP)
    frames = -(-(samples + 1) // HOP)
    starts = list(range(0, max(1, frames - FRAMES + step + 1), step))
    covered = (samples - starts[-1] * HOP) / (FRAMES * HOP)
    return starts[:-1] if covered < COVERED and len(starts) > 1 else starts
