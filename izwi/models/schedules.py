"""How the step size of a net changes while it is trained, and what else steadies its training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from izwi.config.options import model_option

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEDULES = ("none", "cosine", "step", "exponential")
# Where warmup_epochs and scheduler.gamma are silent.
WARMUP = {"cosine": 5}
GAMMA = {"step": 0.5, "exponential": 0.95}

OPTIONS = (
    model_option(
        "scheduler",
        "str",
        "none",
        "how the step size falls: cosine, to 0 over all epochs; step, by scheduler.gamma every "
        "scheduler.step_size epochs; exponential, by scheduler.gamma each epoch",
        choices=SCHEDULES,
    ),
    model_option(
        "scheduler.step_size",
        "int",
        10,
        "with scheduler = step: epochs until the step size falls again",
        minimum=1,
    ),
    model_option(
        "scheduler.gamma",
        "float",
        None,
        "with scheduler = step or exponential: factor of the step size (default: .5, .95)",
        minimum=0,
        maximum=1,
    ),
    model_option(
        "warmup_epochs",
        "int",
        None,
        "epochs in which the step size rises to learning_rate (default: 5 with scheduler = "
        "cosine, else 0)",
        minimum=0,
    ),
    model_option(
        "feature_noise",
        "float",
        0.0,
        "standard deviation of normal noise that is added to the features in training",
        minimum=0,
    ),
)
CLIP = model_option(
    "max_grad_norm",
    "float",
    0.0,
    "largest norm of a gradient; larger ones are scaled down to it; 0: no limit",
    minimum=0,
)


def factor(values: dict[str, Any], epochs: int, steps: int) -> Callable[[int], float] | None:
    """The factor of the step size by the number of the step, from 0; None if it is always 1.

    Args:
        values: options of the model
        epochs: that are trained at most
        steps: of an epoch
    """
    kind = values.get("scheduler") or "none"
    warmup = values.get("warmup_epochs")
    rise = (WARMUP.get(kind, 0) if warmup is None else warmup) * steps
    if kind == "none" and not rise:
        return None
    wanted = values.get("scheduler.gamma")
    gamma = GAMMA.get(kind, 1.0) if wanted is None else wanted
    every = values["scheduler.step_size"] if kind == "step" else 1

    def of_step(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        if kind == "cosine":
            done = (step - rise) / max(1, epochs * steps - rise)
            return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        return gamma ** (step // steps // every) if kind in GAMMA else 1.0

    return of_step
