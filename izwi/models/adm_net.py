"""The net behind ``adm``. Imports torch; reading an ini does not need this module."""

from __future__ import annotations

import torch
from torch import nn


class Branch(nn.Module):
    """A residual perceptron that scores one group of features.

    Args:
        inputs: number of features
        hidden: units of the first two layers; the third has half as many
        outputs: scores
        drop: dropout behind each layer
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, drop: float) -> None:
        super().__init__()
        self.first = _layer(inputs, hidden, drop)
        self.second = _layer(hidden, hidden, drop)
        self.third = _layer(hidden, max(1, hidden // 2), drop)
        self.score = nn.Linear(max(1, hidden // 2), outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of shape (rows, outputs)."""
        x = self.first(x)
        return self.score(self.third(x + self.second(x)))


class ArtefactNet(nn.Module):
    """A branch for each group of features, and the fusion of their scores.

    Args:
        groups: columns of each branch
        hidden: units of a branch
        outputs: scores, one per class
        drop: dropout
        fusion: weighted, avg, max, concat or gated
    """

    def __init__(
        self, groups: list[list[int]], hidden: int, outputs: int, drop: float, fusion: str
    ) -> None:
        super().__init__()
        self.groups = groups
        self.fusion = fusion
        self.branches = nn.ModuleList(Branch(len(g), hidden, outputs, drop) for g in groups)
        number = len(groups)
        if fusion == "weighted":
            self.weights = nn.Parameter(torch.zeros(number))
        elif fusion == "concat":
            self.join = nn.Linear(number * outputs, outputs)
        elif fusion == "gated":
            self.gate = nn.Linear(number * outputs, number * outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of shape (rows, outputs)."""
        parts = [branch(x[:, g]) for branch, g in zip(self.branches, self.groups, strict=True)]
        scores = torch.stack(parts, dim=1)  # (rows, branches, outputs)
        if self.fusion == "avg":
            return scores.mean(dim=1)
        if self.fusion == "max":
            return scores.amax(dim=1)
        if self.fusion == "weighted":
            return (scores * torch.softmax(self.weights, dim=0)[:, None]).sum(dim=1)
        flat = scores.flatten(1)
        if self.fusion == "concat":
            return self.join(flat)
        return (torch.sigmoid(self.gate(flat)).view_as(scores) * scores).sum(dim=1)


def _layer(inputs: int, outputs: int, drop: float) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.GELU(), nn.Dropout(drop)
    )
