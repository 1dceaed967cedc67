"""Speaker embeddings of speechbrain: ECAPA-TDNN and x-vectors, trained on VoxCeleb."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.config.options import feature_option
from izwi.errors import UserError
from izwi.features import pretrained
from izwi.features.hub import OwnNetwork
from izwi.features.pretrained_names import SPKREC

if TYPE_CHECKING:
    import torch

# The last layer of each network.
ECAPA, XVECTOR = "fc.conv.weight", "blocks.16.w.weight"


class Spkrec(OwnNetwork):
    """Speaker embeddings: ECAPA-TDNN (Desplanques et al., 2020) or x-vectors (Snyder, 2018)."""

    family = "spkrec"
    located = ("spkrec.model",)
    seconds = (0.1, 300.0)
    options = (
        feature_option(
            "spkrec.model",
            "model",
            None,
            "spkrec: folder of the model, or its name on the Hugging Face hub (default: the model "
            "named by the type)",
            aliases=("model",),
        ),
    )

    @classmethod
    def _check(cls, folder: Path, options: dict[str, Any]) -> None:
        if not {ECAPA, XVECTOR} & set(pretrained.tensor_shapes(folder, cls.where())):
            raise UserError(
                f"{cls.where()}: the weights in {folder} are neither of ECAPA-TDNN ({ECAPA}) nor "
                f"of x-vectors ({XVECTOR}), as speechbrain has them"
            )

    def named_by(self, shapes: dict[str, list[int]]) -> list[str]:
        """See the base class."""
        size = shapes[ECAPA if ECAPA in shapes else XVECTOR][0]
        return [f"spkrec_{i}" for i in range(size)]

    def build(self, weights: dict[str, torch.Tensor]) -> Any:
        """The network; see the base class."""
        from izwi.features import spkrec_nets as nets

        return nets.Ecapa(weights) if ECAPA in weights else nets.XVector(weights)


def __getattr__(name: str) -> type[Spkrec]:
    """The extractor of a type in ``SPKREC``, which the registry requests by that name."""
    if name not in SPKREC:
        raise AttributeError(name)
    return _extractor(name)


@cache
def _extractor(name: str) -> type[Spkrec]:
    stated = {"__doc__": Spkrec.__doc__, "name": name, "hub": SPKREC[name], "prefix": f"{name}."}
    return type("Spkrec", (Spkrec,), stated)
