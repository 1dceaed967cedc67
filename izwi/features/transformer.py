"""Embeddings of pretrained transformers: wav2vec 2.0, HuBERT, WavLM, data2vec, Whisper, AST.

The models and their front ends are those of the transformers library, in float32. On a computer
without a graphics card a vector depends only on its own audio, to the last bit. Padding depends
only on the row's own length, and each batch is computed on one core. If torch uses a different
algorithm for a single row than for several, that row is duplicated.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from izwi.config.options import Option, feature_option
from izwi.errors import UserError
from izwi.features import freed_memory, pretrained
from izwi.features.hub import HubModel
from izwi.features.pretrained_names import TRANSFORMER

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    import pandas as pd
    import torch

# Audio of one batch: on a processor only short rows gain, on a graphics card all do.
BATCH_SECONDS = {"cpu": 16, "cuda": 320}
# A wave in one piece takes about 20 MB per second.
LONGEST_SECONDS = 300

# Values of one row up to which torch (ConvParams::use_mkldnn) does not convolve by oneDNN.
SMALL_INPUT = 20480

# Value of a layer that stands for all.
ALL = "all"
_WAVES = ("wav2vec2", "hubert", "wavlm", "data2vec")


def _options(family: str, poolings: tuple[str, ...], *others: str) -> tuple[Option, ...]:
    """Options of a family of models; ``others`` are alternative spellings of its name."""

    def spellings(name: str) -> tuple[str, ...]:
        return tuple(f"{other}.{name}" for other in others)

    norm = feature_option(
        f"{family}.final_norm",
        "bool",
        False,
        f"{family}: an inner layer, too, goes through the norm at the end of large models",
        aliases=("final_norm", *spellings("final_norm")),
    )
    return (
        *([norm] if family in _WAVES else []),
        feature_option(
            f"{family}.model",
            "model",
            None,
            f"{family}: folder of the model, or its name on the Hugging Face hub (default: the "
            "model named by the type)"
            + ("; untrained: a small model, random weights" if family == "wav2vec2" else ""),
            aliases=("model", *spellings("model")),
        ),
        feature_option(
            f"{family}.layer",
            "int|str",
            0,
            f"{family}: hidden layer, counted back from the last, which is 0; all: each of them, "
            "for MODEL.layer_mix",
            minimum=0,
            aliases=("layer", *spellings("layer")),
        ),
        feature_option(
            f"{family}.pooling",
            "str",
            "mean",
            f"{family}: mean over the frames of the recording"
            + ("; last: the last of these frames" if "last" in poolings else "")
            + ("; all: mean over all frames, including padding" if "all" in poolings else ""),
            choices=poolings,
            aliases=("pooling", *spellings("pooling")),
        ),
    )


class Transformer(HubModel):
    """Base class of the families: finds, checks and loads a model.

    Attributes:
        kind: ``model_type`` in the model's config.json
    """

    kind: ClassVar[str]

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.layer = self.values.get(f"{self.family}.layer", 0)
        self.pooling = self.values.get(f"{self.family}.pooling", "mean")
        self.folder = self._folder(self.values)
        self._check(self.folder, self.values)
        self.config = pretrained.architecture(self.folder, f"[FEATS] {self.family}.model")
        self.columns = [f"{self.family}_{i}" for i in range(self.config.hidden_size)]
        self.every = self.layer == ALL
        if self.every:
            # The first is what goes into the first layer.
            self.layer = 0
            self.columns = [
                f"{self.family}_layer{layer}_{i}"
                for layer in range(self.config.num_hidden_layers + 1)
                for i in range(self.config.hidden_size)
            ]
        self.model: Any = None

    @classmethod
    def _check(cls, folder: Path, options: dict[str, Any]) -> None:
        """Check that a model is of this family, and has the layer.

        Raises:
            UserError: if not
        """
        config = pretrained.read_config(folder, cls.where())
        kind = config.get("model_type")
        if kind != cls.kind:
            raise UserError(
                f"{cls.where()}: {folder} holds a model of the type {kind}, "
                f"FEATS.type = {cls.name} takes {cls.kind}"
            )
        pretrained.check_front_end(folder, cls.where())
        layers = pretrained.layers_of(config)
        layer = options.get(f"{cls.family}.layer", 0)
        if isinstance(layer, str):
            if layer != ALL:
                raise UserError(f"{cls.where('layer')}: '{layer}' is neither a number nor {ALL}")
        elif layers and layer > layers:
            raise UserError(
                f"{cls.where('layer')}: {layer} is more than the {layers} layers of the model"
            )

    def load(self) -> None:
        """Load the model, in float32, on a graphics card if there is one."""
        if self.model is not None:
            return
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        freed_memory.keep_freed()
        # Otherwise graphics cards compute convolutions with 10 bits less.
        torch.backends.cudnn.allow_tf32 = False
        self.front = pretrained.front_end(self.folder)
        layers = self.config.num_hidden_layers
        # Layers above the wanted one need not be computed; one more than that, since the states
        # of the last are normalised.
        self.state = layers - self.layer
        if self.layer:
            self._set_layers(min(layers, self.state + 1))
        model = pretrained.load(self.folder, self.config, self.where())
        self.model = self._part(model).to(self.device).eval()

    def remarks(self, matrix: pd.DataFrame) -> list[str]:
        """Warn of an untrained network; see the base class."""
        if not pretrained.is_untrained(self.folder):
            return []
        return [f"{self.family}.model: untrained: the weights are random, this is a control"]

    def _set_layers(self, layers: int) -> None:
        self.config.num_hidden_layers = layers

    def _part(self, model: torch.nn.Module) -> torch.nn.Module:
        """The part of the model that is used."""
        return model

    def _mono(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Signal as the model's input, shape (samples,)."""
        from izwi.data import audio

        return audio.resample(audio.mix(signal), rate, self.front.sampling_rate)[0]

    def _states(self, inputs: np.ndarray, mask: np.ndarray | None = None) -> torch.Tensor:
        """States of the requested layer, shape (rows, frames, features); splits large batches."""
        import torch

        try:
            with torch.inference_mode():
                arguments = [torch.from_numpy(inputs).to(self.device)]
                if mask is not None:
                    arguments.append(torch.from_numpy(mask).to(self.device))
                found = self.model(*arguments, output_hidden_states=self.every or self.layer > 0)
                if self.every:
                    return torch.cat([*found.hidden_states[:-1], found.last_hidden_state], dim=-1)
                if self.layer:
                    return found.hidden_states[self.state]
                return found.last_hidden_state
        except torch.cuda.OutOfMemoryError:
            half = len(inputs) // 2
            if not half:
                raise
        parts = (slice(None, half), slice(half, None))
        return torch.cat(
            [self._states(inputs[p], None if mask is None else mask[p]) for p in parts]
        )


class Waves(Transformer):
    """Models that take the wave itself.

    Inner layers are taken as the model computes them, or with ``final_norm`` behind the norm that
    stands at its end, which large ones have.

    If padding cannot affect the other frames (convolutions with layer norm), rows of similar
    length share a batch; otherwise, as with group norm over time, only rows of the same length do.
    """

    def load(self) -> None:
        """Load the model; see the base class."""
        if self.values.get(f"{self.family}.final_norm"):
            # The model ends there, so that its last state is the one wanted.
            self.config.num_hidden_layers -= self.layer
            self.layer = 0
        super().load()
        self.pads = pretrained.may_pad(self.config)

    def _part(self, model: torch.nn.Module) -> torch.nn.Module:
        if self.device == "cpu":
            for layer in model.feature_extractor.conv_layers:
                _double_single_rows(layer.conv)
        return model

    def frames(self, samples: int) -> int:
        """Number of frames that the convolutions output."""
        return pretrained.frames_of(self.config, samples)

    def prepare(self, signal: np.ndarray, rate: int) -> tuple[Hashable, Any]:
        """Normalise a row, as its front end does; see the base class."""
        from izwi.data import audio

        seconds = signal.shape[1] / rate
        if seconds > LONGEST_SECONDS:
            raise audio.AudioError(
                f"{seconds:.0f} s are too long for {self.name}, which takes up to "
                f"{LONGEST_SECONDS} s in one piece: list its segments, with start and end"
            )
        mono = self._mono(signal, rate)
        frames = self.frames(len(mono))
        if frames < 1:
            raise audio.AudioError(f"{seconds:.3f} s are too short for {self.name}")
        front = self.front(mono, sampling_rate=self.front.sampling_rate, return_tensors="np")
        length, masked = len(mono), False
        padded = padded_length(length)
        # Do not pad a row that cannot share a batch.
        if self.pads and self._fit(padded) > 1:
            length, masked = padded, self.frames(padded) > frames
        return (length, masked), front["input_values"][0].astype("float32")

    def capacity(self, group: tuple[int, bool]) -> int:
        """Most rows of a batch; see the base class."""
        length, _ = group
        return self._fit(length)

    def _fit(self, samples: int) -> int:
        """How many rows of a length share a batch."""
        return max(1, BATCH_SECONDS[self.device] * self.front.sampling_rate // samples)

    def batch(self, group: tuple[int, bool], items: list[np.ndarray]) -> list[np.ndarray]:
        """Embed rows of one padded length; see the base class."""
        import numpy as np

        length, masked = group
        inputs = np.zeros((len(items), length), np.float32)
        mask = np.zeros((len(items), length), np.int64)
        for row, item in enumerate(items):
            inputs[row, : len(item)] = item
            mask[row, : len(item)] = 1
        states = self._states(inputs, mask if masked else None)
        vectors = []
        for own, item in zip(states, items, strict=True):
            if masked:
                own = own[: self.frames(len(item))]
            vector = own[-1] if self.pooling == "last" else own.mean(dim=0)
            vectors.append(vector.cpu().numpy())
        return vectors


class Wav2Vec2(Waves):
    """wav2vec 2.0 (Baevski et al., 2020)."""

    kind = "wav2vec2"


class Hubert(Waves):
    """HuBERT (Hsu et al., 2021)."""

    kind = "hubert"


class WavLM(Waves):
    """WavLM (Chen et al., 2022)."""

    kind = "wavlm"


class Data2Vec(Waves):
    """data2vec (Baevski et al., 2022)."""

    kind = "data2vec-audio"


class Windows(Transformer):
    """Models that take spectra of one length; longer audio is divided into windows.

    ``mean`` is over the frames with audio of the recording, in all windows; ``all`` is over all
    frames, with windows weighted by the audio in them.
    """

    def size(self) -> int:
        """Samples of a window."""
        raise NotImplementedError

    def window(self, part: np.ndarray) -> tuple[np.ndarray, int]:
        """Input of the model for a part, at most a window, and its number of frames with audio."""
        raise NotImplementedError

    def own(self, states: torch.Tensor, frames: int) -> torch.Tensor:
        """States of frames that hold audio.

        Args:
            states: shape (frames, features)
            frames: how many do
        """
        return states[:frames]

    def prepare(self, signal: np.ndarray, rate: int) -> tuple[Hashable, Any]:
        """Cut a row and make spectra; see the base class."""
        mono = self._mono(signal, rate)
        size = self.size()
        return None, [self.window(mono[i : i + size]) for i in range(0, len(mono), size)]

    def capacity(self, group: Hashable) -> int:
        """Most rows of a batch; see the base class."""
        seconds = self.size() / self.front.sampling_rate
        # On a processor two windows are not faster together.
        return 1 if self.device == "cpu" else max(1, int(BATCH_SECONDS[self.device] / seconds))

    def batch(self, group: Hashable, items: list[Any]) -> list[np.ndarray]:
        """Embed the windows of some rows; see the base class."""
        import numpy as np

        windows = [window for item in items for window in item]
        size = self.capacity(group)
        pooled = []
        for first in range(0, len(windows), size):
            some = windows[first : first + size]
            states = self._states(np.stack([spectrum for spectrum, _ in some]))
            for row, (_, frames) in zip(states, some, strict=True):
                own = row if self.pooling == "all" else self.own(row, frames)
                vector = own[-1] if self.pooling == "last" else own.mean(dim=0)
                pooled.append(vector.cpu().numpy())
        left = iter(pooled)
        vectors = []
        for item in items:
            of_item = np.stack([next(left) for _ in item])
            if self.pooling == "last" or len(item) == 1:
                vectors.append(of_item[-1])
            else:
                weights = [frames for _, frames in item]
                vectors.append(np.average(of_item, axis=0, weights=weights).astype(np.float32))
        return vectors


class Whisper(Windows):
    """The encoder of Whisper (Radford et al., 2022)."""

    kind = "whisper"

    def remarks(self, matrix: pd.DataFrame) -> list[str]:
        """Warn of an untrained network; see the base class."""
        if not pretrained.is_untrained(self.folder):
            return []
        return [f"{self.family}.model: untrained: the weights are random, this is a control"]

    def _set_layers(self, layers: int) -> None:
        self.config.encoder_layers = layers

    def _part(self, model: torch.nn.Module) -> torch.nn.Module:
        return model.get_encoder()

    def size(self) -> int:
        """Samples of a window; see the base class."""
        return self.front.n_samples

    def window(self, part: np.ndarray) -> tuple[np.ndarray, int]:
        """Log-mel spectrum of 30 s, and the frames that hold audio; see the base class."""
        found = self.front(part, sampling_rate=self.front.sampling_rate, return_tensors="np")
        frames = math.ceil(len(part) * self.config.max_source_positions / self.size())
        return found["input_features"][0], frames


class Ast(Windows):
    """The audio spectrogram transformer (Gong et al., 2021)."""

    kind = "audio-spectrogram-transformer"
    # Its front end computes filter banks with torchaudio if installed.
    packages = (*Transformer.packages, "torchaudio")
    # Samples of a spectrum and between two, at 16 kHz, as in the front end.
    SPECTRUM, HOP = 400, 160

    def size(self) -> int:
        """Samples of a window; see the base class."""
        return (self.config.max_length - 1) * self.HOP + self.SPECTRUM

    def window(self, part: np.ndarray) -> tuple[np.ndarray, int]:
        """Filter banks, and the steps of patches that hold audio; see the base class."""
        import numpy as np

        part = np.pad(part, (0, max(0, self.SPECTRUM - len(part))))
        found = self.front(part, sampling_rate=self.front.sampling_rate, return_tensors="np")
        spectra = 1 + (len(part) - self.SPECTRUM) // self.HOP
        steps = math.ceil(spectra / self.config.time_stride)
        return found["input_values"][0].astype(np.float32), min(steps, self.steps())

    def steps(self) -> int:
        """Patches in the direction of time."""
        return (self.config.max_length - self.config.patch_size) // self.config.time_stride + 1

    def own(self, states: torch.Tensor, frames: int) -> torch.Tensor:
        """States of patches that hold audio; see the base class."""
        # Two tokens represent the whole input; the patches follow, band by band.
        patches = states[2:].reshape(-1, self.steps(), states.shape[-1])
        return patches[:, :frames].reshape(-1, states.shape[-1])


FAMILIES: dict[str, tuple[type[Transformer], tuple[Option, ...]]] = {
    "wav2vec2": (Wav2Vec2, _options("wav2vec2", ("mean", "last"), "wav2vec")),
    "hubert": (Hubert, _options("hubert", ("mean", "last"))),
    "wavlm": (WavLM, _options("wavlm", ("mean", "last"))),
    "data2vec": (Data2Vec, _options("data2vec", ("mean", "last"))),
    "whisper": (Whisper, _options("whisper", ("mean", "last", "all"))),
    "ast": (Ast, _options("ast", ("mean", "all"))),
}


def __getattr__(name: str) -> type[Transformer]:
    """The extractor of a type in ``TRANSFORMER``, which the registry requests by that name."""
    if name not in TRANSFORMER:
        raise AttributeError(name)
    return _extractor(name)


@cache
def _extractor(name: str) -> type[Transformer]:
    family, hub = TRANSFORMER[name]
    base, options = FAMILIES[family]
    stated = {
        "__doc__": base.__doc__,
        "name": name,
        "family": family,
        "hub": hub,
        "options": options,
        "title": (f"{family}.layer", f"{family}.pooling"),
        "located": (f"{family}.model",),
        "prefix": f"{name}.",
    }
    return type(base.__name__, (base,), stated)


def padded_length(samples: int) -> int:
    """Length to which a row is padded, at most a sixteenth more than its own."""
    step = 1 << max(0, samples.bit_length() - 5)
    return -(-samples // step) * step


def _double_single_rows(conv: torch.nn.Module) -> None:
    """Make a convolution give the same bits for a single row as for this row in a batch.

    For one row with so few values, torch uses another algorithm than for several rows.
    """
    plain = conv.forward

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) == 1 and inputs.numel() <= SMALL_INPUT:
            return plain(inputs.repeat(2, 1, 1))[:1]
        return plain(inputs)

    conv.forward = forward
