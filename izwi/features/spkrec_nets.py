"""The networks of speechbrain's speaker embeddings, from the names of their published weights."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

RATE, WINDOW, HOP = 16000, 400, 160
# Least power of a band, and the range below the loudest that is kept, dB.
LEAST, RANGE = 1e-10, 80.0
EPS = 1e-12


class Network:
    """Base class: mel spectra without their mean, then layers over time.

    Args:
        weights: tensors by name
        first: name of the weights of the first convolution
    """

    def __init__(self, weights: dict[str, torch.Tensor], first: str) -> None:
        self.weights = weights
        kernel = weights[first]
        self.filters = mel_filters(kernel.shape[1]).to(kernel.device)
        self.window = torch.hamming_window(WINDOW, device=kernel.device)

    def __call__(self, wave: torch.Tensor) -> torch.Tensor:
        """The embedding of a wave, shape (features,)."""
        raise NotImplementedError

    def spectra(self, wave: torch.Tensor) -> torch.Tensor:
        """Mel spectra in dB, the mean of each band taken out; shape (1, bands, frames)."""
        found = torch.stft(
            wave, WINDOW, HOP, window=self.window, pad_mode="constant", return_complex=True
        )
        power = found.real**2 + found.imag**2
        level = 10 * torch.log10((self.filters @ power).clamp_min(LEAST))
        level = level.clamp_min(level.max().item() - RANGE)
        return (level - level.mean(dim=1, keepdim=True))[None]

    def conv(self, x: torch.Tensor, name: str, dilation: int = 1) -> torch.Tensor:
        """A convolution that keeps the length; beyond the ends the input is mirrored."""
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        reach = dilation * (weight.shape[-1] - 1) // 2
        if reach:
            x = F.pad(x, (reach, reach), mode="reflect")
        return F.conv1d(x, weight, bias, dilation=dilation)

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Batch normalisation by the statistics of training."""
        parts = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(self.weights[f"{name}.{part}"] for part in parts))


class Ecapa(Network):
    """ECAPA-TDNN (Desplanques et al., 2020)."""

    SCALE = 8

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        super().__init__(weights, "blocks.0.conv.conv.weight")

    def __call__(self, wave: torch.Tensor) -> torch.Tensor:
        """The embedding of a wave; see the base class."""
        x = self._tdnn(self.spectra(wave), "blocks.0")
        states = []
        block = 1
        while f"blocks.{block}.tdnn1.conv.conv.weight" in self.weights:
            x = self._block(x, f"blocks.{block}", block + 1)
            states.append(x)
            block += 1
        x = self._tdnn(torch.cat(states, dim=1), "mfa")
        pooled = self.norm(self._pool(x), "asp_bn.norm")
        return self.conv(pooled[..., None], "fc.conv")[0, :, 0]

    def _tdnn(self, x: torch.Tensor, name: str, dilation: int = 1) -> torch.Tensor:
        x = self.conv(x, f"{name}.conv.conv", dilation).relu()
        return self.norm(x, f"{name}.norm.norm")

    def _block(self, x: torch.Tensor, name: str, dilation: int) -> torch.Tensor:
        """A squeeze-and-excitation block around convolutions of parts of the channels."""
        rest = x
        if f"{name}.shortcut.conv.weight" in self.weights:
            rest = self.conv(x, f"{name}.shortcut.conv")
        x = self._tdnn(x, f"{name}.tdnn1")
        first, *parts = x.chunk(self.SCALE, dim=1)
        done = [first]
        for i, part in enumerate(parts):
            one = part + done[-1] if i else part
            done.append(self._tdnn(one, f"{name}.res2net_block.blocks.{i}", dilation))
        x = self._tdnn(torch.cat(done, dim=1), f"{name}.tdnn2")
        gate = self.conv(x.mean(dim=2, keepdim=True), f"{name}.se_block.conv1.conv").relu()
        return x * self.conv(gate, f"{name}.se_block.conv2.conv").sigmoid() + rest

    def _pool(self, x: torch.Tensor) -> torch.Tensor:
        """Mean and deviation over time, weighted by attention; shape (1, 2 channels)."""
        even = torch.full_like(x[:1, :1], 1 / x.shape[2])
        whole = [part[..., None].expand_as(x) for part in moments(x, even)]
        scores = self._tdnn(torch.cat([x, *whole], dim=1), "asp.tdnn").tanh()
        weights = self.conv(scores, "asp.conv.conv").softmax(dim=2)
        return torch.cat(moments(x, weights), dim=1)


class XVector(Network):
    """x-vectors (Snyder et al., 2018), without the random noise that speechbrain adds to means."""

    DILATIONS = (1, 2, 3, 1, 1)
    # Is added to deviations.
    MORE = 1e-5

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        super().__init__(weights, "blocks.0.conv.weight")

    def __call__(self, wave: torch.Tensor) -> torch.Tensor:
        """The embedding of a wave; see the base class."""
        x = self.spectra(wave)
        for layer, dilation in enumerate(self.DILATIONS):
            x = F.leaky_relu(self.conv(x, f"blocks.{3 * layer}.conv", dilation))
            x = self.norm(x, f"blocks.{3 * layer + 2}.norm")
        pooled = torch.cat([x.mean(dim=2), x.std(dim=2) + self.MORE], dim=1)
        weight, bias = (self.weights[f"blocks.16.w.{part}"] for part in ("weight", "bias"))
        return F.linear(pooled, weight, bias)[0]


def moments(x: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted mean and deviation over time.

    Args:
        x: shape (rows, channels, frames)
        weights: of the frames, their sum is 1
    """
    mean = (weights * x).sum(dim=2)
    variance = (weights * (x - mean[..., None]) ** 2).sum(dim=2)
    return mean, variance.clamp_min(EPS).sqrt()


def mel_filters(bands: int) -> torch.Tensor:
    """Triangles at equal distances on the mel scale (2595 log10(1 + f / 700)), 0 Hz to 8 kHz.

    Both sides of a triangle are as wide as its left one, as in speechbrain.

    Args:
        bands: their number

    Returns:
        shape (bands, frequencies)
    """
    top = 2595 * math.log10(1 + RATE / 2 / 700)
    corners = 700 * (10 ** (torch.linspace(0, top, bands + 2) / 2595) - 1)
    width, middle = corners[1:-1] - corners[:-2], corners[1:-1]
    bins = torch.linspace(0, RATE // 2, WINDOW // 2 + 1)
    return (1 - ((bins - middle[:, None]) / width[:, None]).abs()).clamp_min(0)
