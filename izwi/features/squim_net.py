"""The network of SQUIM, from the names of its published weights.

A convolution, recurrent layers along and across overlapping chunks (DPRNN, Luo et al., 2020), and
for each measure a layer of attention, whose frames are pooled by their own scores.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

# As in the published model; weights do not tell.
CHUNK, HEADS = 71, 4
OVERLAP = CHUNK // 2
# PESQ of wide-band speech (ITU-T P.862.2), least and most.
PESQ = (1.0, 0.999 + 4 / (1 + math.exp(-1.3669 * 4.5 + 3.8224)))


class Net:
    """A function from a wave to PESQ, SI-SDR and STOI.

    Args:
        weights: tensors by name
    """

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        self.weights = weights
        self.depth = sum(key.startswith("dprnn.row_norm.") for key in weights) // 2
        self.paths = [
            {part: self._recurrent(f"dprnn.{part}_rnn.{i}.rnn.") for part in ("row", "col")}
            for i in range(self.depth)
        ]
        self.attention = [self._attention(f"branches.{i}.0.") for i in range(3)]

    def _part(self, start: str) -> dict[str, torch.Tensor]:
        return {k[len(start) :]: v for k, v in self.weights.items() if k.startswith(start)}

    def _recurrent(self, name: str) -> torch.nn.LSTM:
        part = self._part(name)
        inputs, hidden = part["weight_ih_l0"].shape[1], part["weight_hh_l0"].shape[1]
        net = torch.nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True)
        net.load_state_dict(part)
        return net.to(part["weight_ih_l0"].device).eval()

    def _attention(self, name: str) -> torch.nn.TransformerEncoderLayer:
        part = self._part(name)
        size = part["linear2.weight"].shape[0]
        net = torch.nn.TransformerEncoderLayer(size, HEADS, 4 * size, 0.0, batch_first=True)
        net.load_state_dict(part)
        return net.to(part["linear2.weight"].device).eval()

    def __call__(self, wave: torch.Tensor) -> torch.Tensor:
        """PESQ, SI-SDR and STOI of a wave, shape (3,)."""
        x = wave[None, None] / ((wave**2).mean().sqrt() * 20)
        kernel = self.weights["encoder.conv1d.weight"]
        x = self._chunked(F.conv1d(x, kernel, stride=kernel.shape[-1] // 2).relu())
        stoi, pesq, sdr = (self._measure(x, branch) for branch in range(3))
        low, high = PESQ
        return torch.stack([pesq.sigmoid() * (high - low) + low, sdr, stoi.sigmoid()])

    def _chunked(self, x: torch.Tensor) -> torch.Tensor:
        """States of all frames, shape (1, frames, features).

        Args:
            x: shape (1, channels, frames)
        """
        channels, frames = x.shape[1:]
        rest = CHUNK - (OVERLAP + frames % CHUNK) % CHUNK
        x = F.pad(x[0], (OVERLAP, rest + OVERLAP))
        # Chunks that start at the first frame, and between them those half a chunk later.
        halves = (x[:, :-OVERLAP], x[:, OVERLAP:])
        chunks = torch.stack([half.reshape(channels, -1, CHUNK) for half in halves], dim=2)
        # Shape (channels, place in the chunk, chunk).
        out = chunks.reshape(channels, -1, CHUNK).transpose(1, 2)
        for i, path in enumerate(self.paths):
            for part, order in (("row", (2, 1, 0)), ("col", (1, 2, 0))):
                states, _ = path[part](out.permute(order))
                states = self._linear(states, f"dprnn.{part}_rnn.{i}.proj")
                back = states.permute([order.index(axis) for axis in range(3)])
                name = f"dprnn.{part}_norm.{i}"
                weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
                out = out + F.group_norm(back[None], 1, weight, bias, 1e-8)[0]
        weight, bias = (self.weights[f"dprnn.conv.0.{part}"] for part in ("weight", "bias"))
        out = F.prelu(F.conv2d(out[None], weight, bias), self.weights["dprnn.conv.1.weight"])[0]
        size = out.shape[0]
        pairs = out.transpose(1, 2).reshape(size, -1, 2, CHUNK)
        first = pairs[:, :, 0].reshape(size, -1)[:, OVERLAP:]
        second = pairs[:, :, 1].reshape(size, -1)[:, :-OVERLAP]
        return (first + second)[:, :frames].T[None]

    def _measure(self, x: torch.Tensor, branch: int) -> torch.Tensor:
        """The value of one branch, before its range."""
        x = self.attention[branch](x)
        weights = (x * self.weights[f"branches.{branch}.1.alpha"]).softmax(dim=1)
        name = f"branches.{branch}.2"
        hidden = self._linear((x * weights).sum(dim=1), f"{name}.0")
        hidden = F.prelu(hidden, self.weights[f"{name}.1.weight"])
        return self._linear(hidden, f"{name}.2")[0, 0]

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])
