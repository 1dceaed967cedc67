"""The network of emotion2vec, from the names of its published weights.

data2vec 2.0 for audio (Baevski et al., 2023): convolutions, five convolutions of positions, then
blocks of attention, whose scores fall with the distance of two frames (ALiBi, Press et al., 2022).
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

STRIDES = (5, 2, 2, 2, 2, 2, 2)
ENCODER = "modality_encoders.AUDIO."


class Net:
    """A function from a wave to the mean of the last layer.

    Args:
        weights: tensors by name

    Raises:
        ValueError: if the blocks are normalised in another order
    """

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        self.weights = weights
        if "norm.weight" in weights:
            raise ValueError("blocks that are normalised first are not known here")
        self.tokens = weights[f"{ENCODER}extra_tokens"]
        scale = weights[f"{ENCODER}alibi_scale"].clamp_min(0)
        # Shape (layers or 1, 1, heads or 1, 1, 1).
        self.scales = scale if scale.dim() == 5 else scale[None]
        heads = self.scales.shape[2]
        self.heads = heads if heads > 1 else self.tokens.shape[-1] // 64
        self.slopes = torch.tensor(slopes(self.heads), device=scale.device)
        self.positions = self._number(f"{ENCODER}relative_positional_encoder.", 1)
        self.blocks = [
            f"{start}{i}."
            for start in (f"{ENCODER}context_encoder.blocks.", "blocks.")
            for i in range(self._number(start, 0))
        ]
        if not self.blocks or not self.positions:
            raise ValueError("it has no blocks")

    def _number(self, start: str, first: int) -> int:
        """How many parts of a name are numbered from the first on."""
        found = {
            key[len(start) :].partition(".")[0] for key in self.weights if key.startswith(start)
        }
        count = 0
        while str(first + count) in found:
            count += 1
        return count

    def __call__(self, wave: torch.Tensor) -> torch.Tensor:
        """The embedding of a wave, shape (features,)."""
        x = F.layer_norm(wave, wave.shape)[None, None]
        for i, stride in enumerate(STRIDES):
            name = f"{ENCODER}local_encoder.conv_layers.{i}."
            x = F.conv1d(x, self.weights[f"{name}0.weight"], stride=stride)
            x = F.gelu(self._norm(x.transpose(1, 2), f"{name}2.1").transpose(1, 2))
        name = f"{ENCODER}project_features."
        x = self._linear(self._norm(x.transpose(1, 2), f"{name}1"), f"{name}2")
        x = x + self._placed(x)
        bias = self._alibi(x.shape[1])
        x = torch.cat([self.tokens, x], dim=1)
        x = self._norm(x, f"{ENCODER}context_encoder.norm")
        for i, name in enumerate(self.blocks):
            x = self._block(x, name, bias * self.scales[i if len(self.scales) > 1 else 0])
        return x[0, self.tokens.shape[1] :].mean(dim=0)

    def _placed(self, x: torch.Tensor) -> torch.Tensor:
        """What the positions of the frames add to them."""
        x = x.transpose(1, 2)
        for i in range(1, self.positions + 1):
            name = f"{ENCODER}relative_positional_encoder.{i}.0."
            weight = self.weights[f"{name}weight"]
            width = weight.shape[-1]
            x = F.conv1d(
                x,
                weight,
                self.weights[f"{name}bias"],
                padding=width // 2,
                groups=x.shape[1] // weight.shape[1],
            )
            x = x[..., :-1] if width % 2 == 0 else x
            x = F.gelu(F.layer_norm(x.transpose(1, 2), x.shape[1:2]).transpose(1, 2))
        return x.transpose(1, 2)

    def _alibi(self, frames: int) -> torch.Tensor:
        """What scores lose by distance, shape (1, heads, frames, frames), with the extra tokens."""
        place = torch.arange(frames, device=self.slopes.device)
        distance = (place[None] - place[:, None]).abs()
        extra = self.tokens.shape[1]
        return F.pad(-self.slopes[None, :, None, None] * distance, (extra, 0, extra, 0))

    def _block(self, x: torch.Tensor, name: str, bias: torch.Tensor) -> torch.Tensor:
        """A block of attention, normalised after each of its two parts."""
        rows, frames, size = x.shape
        shape = (rows, frames, 3, self.heads, size // self.heads)
        query, key, value = self._linear(x, f"{name}attn.qkv").view(shape).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        mixed = mixed.transpose(1, 2).reshape(rows, frames, size)
        x = self._norm(x + self._linear(mixed, f"{name}attn.proj"), f"{name}norm1")
        inner = self._linear(F.gelu(self._linear(x, f"{name}mlp.fc1")), f"{name}mlp.fc2")
        return self._norm(x + inner, f"{name}norm2")

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return F.layer_norm(x, weight.shape, weight, bias)


def slopes(heads: int) -> list[float]:
    """By how much the scores of each head fall from frame to frame (Press et al., 2022).

    Args:
        heads: their number
    """
    if math.log2(heads).is_integer():
        first = 2 ** -(8 / heads)
        return [first ** (i + 1) for i in range(heads)]
    below = 2 ** math.floor(math.log2(heads))
    return slopes(below) + slopes(2 * below)[::2][: heads - below]
