"""Extractors whose model lies in a folder or on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from izwi.errors import UserError
from izwi.features import model_cache, pretrained
from izwi.features.base import BatchExtractor

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    import torch

RATE = 16000


class HubModel(BatchExtractor):
    """Base class: finds a model, and states its digests.

    Attributes:
        family: begins the names of the options; ``<family>.model`` is the folder, or the name
        hub: name on the hub of the model that the type denotes
    """

    family: ClassVar[str]
    hub: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers", "audresample")
    environment = "deep"

    @classmethod
    def content(cls, options: dict[str, Any]) -> list[str]:
        """Digests of the model's files; of one of the hub its name and commit.

        Raises:
            UserError: if there is no such model, it is of another family, or its weights are
                missing, a Git-LFS pointer or pickled
        """
        if on_hub := cls.on_hub(options):
            if model_cache.fetched(on_hub[0]):
                cls._check(cls._folder(options), options)
            # The same before and after it is fetched.
            return list(on_hub)
        folder = cls._folder(options)
        cls._check(folder, options)
        return pretrained.digests(folder, cls.where())

    @classmethod
    def on_hub(cls, options: dict[str, Any]) -> tuple[str, str] | None:
        """Name and commit of a model that is, or was, to be fetched; see the base class."""
        pretrained.check_installed(f"[FEATS] type: {cls.name}")
        name = cls.named(options)
        commit = model_cache.commit_of(name, cls.where())
        return (name, commit) if commit else None

    @classmethod
    def named(cls, options: dict[str, Any]) -> str:
        """The model: a folder, or its name on the hub."""
        return options[f"{cls.family}.model"] or cls.hub

    @classmethod
    def where(cls, option: str = "model") -> str:
        """Beginning of a message about an option."""
        return f"[FEATS] {cls.family}.{option}"

    @classmethod
    def _folder(cls, options: dict[str, Any]) -> Path:
        """Folder of the model, which may be in the hub's cache on this computer.

        Raises:
            UserError: if it is not on this computer
        """
        return pretrained.find(cls.named(options), cls.where(), f"{cls.family}.model")

    @classmethod
    def _check(cls, folder: Path, options: dict[str, Any]) -> None:
        """Check that a folder holds a model that the type can use.

        Raises:
            UserError: if not
        """
        raise NotImplementedError

    def start_thread(self) -> None:
        """Compute on one core; the workers share the model and the other cores."""
        import torch

        torch.set_num_threads(1)


class OwnNetwork(HubModel):
    """Base class: a published network in izwi's own code, which reads its weights alone.

    Recordings go through it one by one, at 16 kHz.

    Attributes:
        marks: names of tensors that tell the network's weights from others
        seconds: shortest and longest recording, in seconds
    """

    marks: ClassVar[tuple[str, ...]]
    seconds: ClassVar[tuple[float, float]] = (0.05, 300.0)

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.folder = self._folder(self.values)
        self._check(self.folder, self.values)
        self.columns = self.named_by(pretrained.tensor_shapes(self.folder, self.where()))
        self.net: Any = None

    def named_by(self, shapes: dict[str, list[int]]) -> list[str]:
        """Names of the features of a network.

        Args:
            shapes: of its weights, by name
        """
        raise NotImplementedError

    @classmethod
    def _check(cls, folder: Path, options: dict[str, Any]) -> None:
        if pretrained.is_untrained(folder):
            raise UserError(f"{cls.where()}: there is no untrained network for {cls.name}")
        if lost := sorted(set(cls.marks) - set(pretrained.tensor_shapes(folder, cls.where()))):
            raise UserError(
                f"{cls.where()}: the weights in {folder} lack {lost[0]}, FEATS.type = {cls.name} "
                f"takes {cls.hub} and models like it"
            )

    def build(self, weights: dict[str, torch.Tensor]) -> Any:
        """The network, which turns a wave into features.

        Args:
            weights: tensors by name

        Returns:
            a function of samples, shape (samples,), that returns features, shape (features,)

        Raises:
            KeyError, RuntimeError: if weights are missing or of another shape
        """
        raise NotImplementedError

    def load(self) -> None:
        """Load the network, in float32, on a graphics card if there is one.

        Raises:
            UserError: if weights are missing or of another shape
        """
        if self.net is not None:
            return
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.backends.cudnn.allow_tf32 = False
        weights = pretrained.tensors(self.folder, self.where())
        try:
            net = self.build({key: value.to(self.device) for key, value in weights.items()})
            # What is missing shows only in use.
            with torch.inference_mode():
                net(torch.ones(RATE // 2, device=self.device))
            self.net = net
        except torch.cuda.OutOfMemoryError:
            raise
        except (KeyError, IndexError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise UserError(
                f"{self.where()}: the weights in {self.folder} do not fit {self.name}: {reason}"
            ) from None

    def prepare(self, signal: np.ndarray, rate: int) -> tuple[Hashable, Any]:
        """Bring a row to 16 kHz; see the base class."""
        from izwi.data import audio

        seconds, (least, most) = signal.shape[1] / rate, self.seconds
        if seconds < least:
            raise audio.AudioError(f"{seconds:.3f} s are too short for {self.name}")
        if seconds > most:
            raise audio.AudioError(
                f"{seconds:.0f} s are too long for {self.name}, which takes up to {most:g} s in "
                "one piece: list its segments, with start and end"
            )
        return None, audio.resample(audio.mix(signal), rate, RATE)[0].astype("float32")

    def capacity(self, group: Hashable) -> int:
        """One row: batches would need padding, which changes what the networks see."""
        return 1

    def batch(self, group: Hashable, items: list[np.ndarray]) -> list[np.ndarray]:
        """Features of prepared rows; see the base class."""
        import torch

        with torch.inference_mode():
            waves = (torch.from_numpy(item).to(self.device) for item in items)
            return [self.net(wave).cpu().numpy() for wave in waves]
