"""A learned mean of all layers of a pretrained model, in front of a net (torch).

The protocol of SUPERB (Yang et al., 2021): a weight for each layer, positive and of sum 1 by a
softmax, trained with the net behind it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

WHERE = "[MODEL] layer_mix"
_NAME = re.compile(r"(.+)_layer(\d+)_(\d+)")


def blocks(names: list[str]) -> list[dict[str, Any]]:
    """Where the layers of each model stand among the features.

    Args:
        names: of the features, such as ``wavlm_layer0_17``

    Returns:
        for each model its ``name``, the ``start`` of its features, the number of its ``layers``,
        and the ``size`` of each

    Raises:
        UserError: if there is none, or one whose features are not all there
    """
    places: dict[str, dict[tuple[int, int], int]] = {}
    for place, name in enumerate(names):
        if found := _NAME.fullmatch(name):
            own = places.setdefault(found[1], {})
            own[int(found[2]), int(found[3])] = place
    if not places:
        raise UserError(f"{WHERE}: no features of all layers, such as wav2vec2.layer = all")
    result = []
    for name, own in places.items():
        layers, size = (max(cell[axis] for cell in own) + 1 for axis in (0, 1))
        start = min(own.values())
        whole = {(k, i): start + k * size + i for k in range(layers) for i in range(size)}
        if own != whole:
            raise UserError(f"{WHERE}: features of {name} are missing; take all, without a choice")
        result.append({"name": name, "start": start, "layers": layers, "size": size})
    return result


def net(found: Sequence[dict[str, Any]], inputs: int) -> tuple[torch.nn.Module, int]:
    """The module that takes the mean of the layers.

    Args:
        found: as `blocks` returns it
        inputs: number of features

    Returns:
        it, and the number of its outputs: those of one layer for each model, and all other features
    """
    import torch

    class Mix(torch.nn.Module):
        """Means over layers, then the features that are of none."""

        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.ParameterList(torch.zeros(one["layers"]) for one in found)
            own = {
                place
                for one in found
                for place in range(one["start"], one["start"] + one["layers"] * one["size"])
            }
            self.rest = [place for place in range(inputs) if place not in own]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            parts = []
            for one, weights in zip(found, self.weights, strict=True):
                stop = one["start"] + one["layers"] * one["size"]
                layers = x[:, one["start"] : stop].view(-1, one["layers"], one["size"])
                parts.append(torch.einsum("nls,l->ns", layers, weights.softmax(dim=0)))
            return torch.cat([*parts, x[:, self.rest]], dim=1)

    module = Mix()
    return module, sum(one["size"] for one in found) + len(module.rest)


def told(found: Sequence[dict[str, Any]], state: dict[str, torch.Tensor]) -> list[str]:
    """The weights that were learned, a line for each model.

    Args:
        found: as `blocks` returns it
        state: weights of the whole net, the mean first
    """
    lines = []
    for number, one in enumerate(found):
        weights = state[f"0.weights.{number}"].softmax(dim=0).tolist()
        shown = ", ".join(f"{layer}: {weight:.3f}" for layer, weight in enumerate(weights))
        lines.append(f"layer_mix: weights of the layers of {one['name']}, from the first: {shown}")
    return lines
