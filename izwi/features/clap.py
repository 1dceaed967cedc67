"""CLAP: embeddings of sound that lie near those of its description (Wu et al., 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.config.options import feature_option
from izwi.errors import UserError
from izwi.features import freed_memory, pretrained
from izwi.features.hub import HubModel

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np


class Clap(HubModel):
    """The audio embedding of CLAP (Wu et al., 2023), of length 1.

    Longer audio is divided into windows, of 10 s in the published models; their embeddings are
    averaged, weighted by the audio in them, and brought to length 1.
    """

    name = "clap"
    prefix = "clap."
    family = "clap"
    hub = "laion/clap-htsat-unfused"
    located = ("clap.model",)
    options = (
        feature_option(
            "clap.model",
            "model",
            None,
            "clap: folder of the model, or its name on the Hugging Face hub (default: "
            "laion/clap-htsat-unfused)",
            aliases=("model",),
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.folder = self._folder(self.values)
        self._check(self.folder, self.values)
        self.config = pretrained.architecture(self.folder, self.where())
        self.columns = [f"clap_{i}" for i in range(self.config.projection_dim)]
        self.model: Any = None

    @classmethod
    def _check(cls, folder: Path, options: dict[str, Any]) -> None:
        kind = pretrained.read_config(folder, cls.where()).get("model_type")
        if kind != "clap":
            raise UserError(
                f"{cls.where()}: {folder} holds a model of the type {kind}, FEATS.type = clap "
                "takes clap"
            )
        pretrained.check_front_end(folder, cls.where())

    def load(self) -> None:
        """Load the part of the model that hears, on a graphics card if there is one."""
        if self.model is not None:
            return
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        freed_memory.keep_freed()
        torch.backends.cudnn.allow_tf32 = False
        self.front = pretrained.front_end(self.folder)
        model = pretrained.load(self.folder, self.config, self.where())
        del model.text_model, model.text_projection
        self.model = model.to(self.device).eval()

    def prepare(self, signal: np.ndarray, rate: int) -> tuple[Hashable, Any]:
        """Mel spectra of the windows of a row, each with its number of samples."""
        from izwi.data import audio

        mono = audio.resample(audio.mix(signal), rate, self.front.sampling_rate)[0]
        if len(mono) < self.front.fft_window_size:
            raise audio.AudioError(f"{signal.shape[1] / rate:.3f} s are too short for clap")
        size = self.front.nb_max_samples
        parts = [mono[start : start + size] for start in range(0, len(mono), size)]
        # Less than a frame says nothing.
        parts = [part for part in parts if len(part) >= self.front.fft_window_size]
        return None, [(self._heard(part), len(part)) for part in parts]

    def _heard(self, part: np.ndarray) -> dict[str, Any]:
        """Input of the model for at most a window: nothing is cut at random."""
        found = self.front(part, sampling_rate=self.front.sampling_rate, return_tensors="pt")
        return dict(found)

    def capacity(self, group: Hashable) -> int:
        """One row; on a processor two windows are not faster together."""
        return 1

    def batch(self, group: Hashable, items: list[Any]) -> list[np.ndarray]:
        """Embed the windows of each row; see the base class."""
        return [self._embed(item) for item in items]

    def _embed(self, windows: list[tuple[dict[str, Any], int]]) -> np.ndarray:
        import numpy as np
        import torch

        vectors = []
        with torch.inference_mode():
            for inputs, _ in windows:
                own = {name: value.to(self.device) for name, value in inputs.items()}
                vectors.append(self.model.get_audio_features(**own).pooler_output[0].cpu().numpy())
        mean = np.average(np.stack(vectors), axis=0, weights=[samples for _, samples in windows])
        return (mean / np.linalg.norm(mean)).astype(np.float32)
