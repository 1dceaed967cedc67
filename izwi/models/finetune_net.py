"""The nets behind ``finetune``. Imports torch; reading an ini does not need this module."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from izwi.features import pretrained

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

FULL_SCALE = 32768  # of 16 bits


class Encoder(nn.Module):
    """A pretrained transformer that returns one vector per recording.

    Args:
        model: a model of transformers
        front: makes its inputs from a wave
    """

    def __init__(self, model: nn.Module, front: Any) -> None:
        super().__init__()
        self.model = model
        self.front = front

    def forward(self, waves: Sequence[np.ndarray]) -> torch.Tensor:
        """Mean over time of the last states.

        Args:
            waves: of shape (samples,), 16 bits, 16 kHz

        Returns:
            shape (waves, width); a row does not depend on the others
        """
        raise NotImplementedError

    def below(self, layers: int) -> list[nn.Module]:
        """Parts at the bottom: the convolutions, or a number of layers with all below them."""
        raise NotImplementedError

    def _input(self, wave: np.ndarray, **how: Any) -> torch.Tensor:
        """The front end's output for a wave."""
        rate = self.front.sampling_rate
        signal = wave.astype("float32") / FULL_SCALE
        made = self.front(signal, sampling_rate=rate, return_tensors="pt", **how)
        return made[self.front.model_input_names[0]][0]

    @property
    def device(self) -> torch.device:
        """The device on which it computes."""
        return next(self.parameters()).device


class WaveEncoder(Encoder):
    """A model that takes the wave itself: wav2vec 2.0, HuBERT, WavLM, data2vec.

    Recordings of different lengths are computed together, padded and masked, only where padding
    cannot reach their own frames.
    """

    def __init__(self, model: nn.Module, front: Any) -> None:
        super().__init__(model, front)
        self.pads = pretrained.may_pad(model.config)

    def forward(self, waves: Sequence[np.ndarray]) -> torch.Tensor:
        """Embed recordings; see the base class."""
        inputs = [self._input(wave).to(self.device) for wave in waves]
        groups: dict[int, list[int]] = {}
        for row, values in enumerate(inputs):
            groups.setdefault(0 if self.pads else len(values), []).append(row)
        vectors = torch.cat([self._embed([inputs[r] for r in rows]) for rows in groups.values()])
        order = [row for rows in groups.values() for row in rows]
        return vectors[torch.tensor(order).argsort().to(self.device)]

    def _embed(self, inputs: list[torch.Tensor]) -> torch.Tensor:
        """Embed recordings that may share a batch."""
        lengths = [len(values) for values in inputs]
        batch = pad_sequence(inputs, batch_first=True)
        if len(set(lengths)) == 1:
            return self.model(batch).last_hidden_state.mean(dim=1)
        mask = _first(lengths, batch.shape[1], batch).long()
        with warnings.catch_warnings():
            # Of WavLM's own call of torch.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.")
            states = self.model(batch, attention_mask=mask).last_hidden_state
        frames = [pretrained.frames_of(self.model.config, length) for length in lengths]
        own = _first(frames, states.shape[1], states)[:, :, None]
        return (states * own).sum(dim=1) / own.sum(dim=1)

    def below(self, layers: int) -> list[nn.Module]:
        """Convolutions, and what lies between them and a layer; see the base class."""
        parts = [self.model.feature_extractor]
        if layers:
            encoder = self.model.encoder
            parts += [self.model.feature_projection, encoder.pos_conv_embed]
            if not getattr(self.model.config, "do_stable_layer_norm", False):
                parts.append(encoder.layer_norm)
            parts += encoder.layers[:layers]
        return parts


class WhisperEncoder(Encoder):
    """The encoder of Whisper, for recordings of up to some seconds instead of 30.

    Args:
        model: Whisper
        front: makes spectra
        seconds: duration of its input; shorter recordings are padded with silence, whose frames
            are not part of the mean
    """

    STEP = 320  # samples between two positions

    def __init__(self, model: nn.Module, front: Any, seconds: float) -> None:
        encoder = model.get_encoder()
        positions = math.ceil(round(seconds * front.sampling_rate) / self.STEP)
        table = encoder.embed_positions.weight[:positions]
        encoder.embed_positions = nn.Embedding.from_pretrained(table.detach().clone())
        encoder.config.max_source_positions = encoder.max_source_positions = positions
        super().__init__(encoder, front)
        self.samples = positions * self.STEP

    def forward(self, waves: Sequence[np.ndarray]) -> torch.Tensor:
        """Embed recordings; see the base class."""
        whole = {"padding": "max_length", "max_length": self.samples, "truncation": True}
        inputs = torch.stack([self._input(wave, **whole) for wave in waves]).to(self.device)
        states = self.model(inputs).last_hidden_state
        frames = [math.ceil(min(len(wave), self.samples) / self.STEP) for wave in waves]
        own = _first(frames, states.shape[1], states)[:, :, None]
        return (states * own).sum(dim=1) / own.sum(dim=1)

    def below(self, layers: int) -> list[nn.Module]:
        """Convolutions, and some layers; see the base class."""
        return [self.model.conv1, self.model.conv2, *self.model.layers[:layers]]


class FinetuneNet(nn.Module):
    """A pretrained encoder with a linear layer on top.

    Frozen parts compute as in prediction, without dropout, and keep their weights.

    Args:
        encoder: the pretrained part
        outputs: number of outputs
        drop: dropout before the linear layer
        freeze: ``none``, ``features`` (the convolutions), ``encoder`` (all but the linear layer),
            or a number of layers, with all below them
    """

    def __init__(self, encoder: Encoder, outputs: int, drop: float, freeze: str | int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.Dropout(drop), nn.Linear(encoder.model.config.hidden_size, outputs)
        )
        if freeze == "none":
            self.frozen = []
        elif freeze == "encoder":
            self.frozen = [encoder]
        else:
            self.frozen = encoder.below(0 if freeze == "features" else int(freeze))
        for part in self.frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> FinetuneNet:
        """Switch to training, except frozen parts."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def forward(self, waves: Sequence[np.ndarray]) -> torch.Tensor:
        """Outputs of shape (waves, outputs); see :class:`Encoder`."""
        return self.head(self.encoder(waves))


def _first(counts: list[int], width: int, like: torch.Tensor) -> torch.Tensor:
    """Rows of ``width`` cells, the first ones True according to the row's length."""
    ends = torch.tensor(counts, device=like.device)
    return torch.arange(width, device=like.device)[None] < ends[:, None]
