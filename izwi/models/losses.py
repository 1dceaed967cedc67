"""Loss functions for nets (torch)."""

from __future__ import annotations

import torch
from torch.nn.functional import one_hot


def soft_f1_loss(
    output: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """1 - mean over the classes of F1, computed from probabilities instead of decisions.

    Args:
        output: (samples, classes) logits
        target: (samples) class numbers
        weight: (classes)
    """
    probability = torch.softmax(output, dim=1)
    truth = one_hot(target, output.shape[1]).to(probability.dtype)
    hits = (truth * probability).sum(dim=0)
    # F1 = 2 TP / (2 TP + FP + FN), and TP + FP and TP + FN are the two sums.
    f1 = 2 * hits / (truth.sum(dim=0) + probability.sum(dim=0))
    return 1 - (f1.mean() if weight is None else (f1 * weight).sum() / weight.sum())


def focal_loss(
    output: torch.Tensor,
    target: torch.Tensor,
    gamma: float,
    alpha: float = 1.0,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean of -alpha (1 - p)^gamma log p (Lin et al., "Focal loss", 2017), p that of the truth.

    Args:
        output: (samples, classes) logits
        target: (samples) class numbers
        gamma: 0 gives cross entropy
        alpha: factor
        weight: (classes); the mean is weighted, as in cross entropy
    """
    logs = torch.log_softmax(output, dim=1)
    log = (logs * one_hot(target, output.shape[1])).sum(dim=1)
    losses = -alpha * (1 - log.exp()) ** gamma * log
    return _mean(losses, target, weight)


def one_against_rest_loss(
    output: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Binary cross entropy of each class against the rest, mean over classes and samples."""
    truth = one_hot(target, output.shape[1]).to(output.dtype)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(output, truth, reduction="none")
    return _mean(losses.mean(dim=1), target, weight)


def squared_loss(
    output: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Squared error of the probabilities (Brier 1950), mean over classes and samples."""
    return _mean((_error(output, target) ** 2).mean(dim=1), target, weight)


def absolute_loss(
    output: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Absolute error of the probabilities, mean over classes and samples."""
    return _mean(_error(output, target).abs().mean(dim=1), target, weight)


def _error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    probability = torch.softmax(output, dim=1)
    return probability - one_hot(target, output.shape[1])


def _mean(losses: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Mean over samples, weighted by their classes."""
    if weight is None:
        return losses.mean()
    # A product, since indexing has no deterministic gradient on every device.
    of_sample = one_hot(target, len(weight)).to(weight.dtype) @ weight
    return (losses * of_sample).sum() / of_sample.sum()


def ccc_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - concordance correlation coefficient (Lin 1989); both of shape (samples)."""
    o, t = output - output.mean(), target - target.mean()
    distance = (output.mean() - target.mean()) ** 2
    return 1 - 2 * (o * t).mean() / ((o**2).mean() + (t**2).mean() + distance + 1e-8)


def pcc_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - Pearson correlation coefficient; both of shape (samples)."""
    o, t = output - output.mean(), target - target.mean()
    return 1 - (o * t).mean() / ((o**2).mean() * (t**2).mean() + 1e-12).sqrt()
