"""The convolutional net behind ``cnn``. Imports torch; reading an ini does not need this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNELS = (16, 32, 32)
# Rows that are predicted at once, so that memory does not grow with the database.
ROWS = 64


class SpectrogramNet(nn.Module):
    """Three blocks of convolutions over time and frequency, then dense layers.

    Each band is normalised first. A block is a 3 x 3 convolution, 2 x 2 max pooling, batch
    normalisation, and the activation. Mean and maximum over time go to the dense layers, so the
    position in time does not matter.

    Args:
        bands: of the spectrogram
        frames: of the spectrogram
        activation: makes the activation of a block
        dense: makes the dense layers for a number of inputs
    """

    def __init__(
        self,
        bands: int,
        frames: int,
        activation: Callable[[], nn.Module],
        dense: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.shape = (bands, frames)
        self.bands = nn.BatchNorm1d(bands)
        blocks: list[nn.Module] = []
        before = 1
        for channels in CHANNELS:
            blocks += [
                # Batch normalisation takes the mean away, and a bias with it.
                nn.Conv2d(before, channels, 3, padding=1, bias=False),
                # Before the two below, which then see a quarter of the cells.
                nn.MaxPool2d(2, ceil_mode=True),
                nn.BatchNorm2d(channels),
                activation(),
            ]
            before, bands = channels, (bands + 1) // 2
        self.blocks = nn.Sequential(*blocks)
        self.dense = dense(2 * before * bands)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of shape (rows, outputs) for spectrograms of shape (rows, bands x frames)."""
        parts = [x] if self.training else x.split(ROWS)
        return torch.cat([self._part(part) for part in parts])

    def _part(self, x: torch.Tensor) -> torch.Tensor:
        cells = self.blocks(self.bands(x.unflatten(1, self.shape)).unsqueeze(1)).flatten(1, 2)
        return self.dense(torch.cat([cells.mean(dim=2), cells.amax(dim=2)], dim=1))
