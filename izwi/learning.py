"""Options about how is learned from the training rows, beyond a single fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def resolve(
    get: Callable[[str, str], Any],
    problem: Callable[[str, str, str], None],
    *,
    task: str,
    seed: int,
) -> dict[str, Any]:
    """What the train stage reads of these options.

    Args:
        get: value of an option, by section and name
        problem: takes section, name and what is wrong
        task: ``classification`` or ``regression``
        seed: of the experiment

    Returns:
        only what is asked for, so that all else has no place in a key
    """
    asked: dict[str, Any] = {}
    balancing = get("FEATS", "balancing")
    if balancing not in (None, "none"):
        if task == "regression":
            problem("FEATS", "balancing", "a regression has no classes to balance")
        own = get("FEATS", "balancing_random_state")
        asked |= {"balancing": balancing, "balancing_seed": seed if own is None else own}
    column = get("MODEL", "submodel") or get("DATA", "submodel")
    if column:
        if get("DATA", "submodel") not in (None, column):
            problem("DATA", "submodel", f"is another column than MODEL.submodel = {column}")
        # What is called either way is one column of the tables.
        asked["submodel"] = "gender" if column == "sex" else column
    return asked
