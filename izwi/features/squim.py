"""SQUIM: estimates of PESQ, SI-SDR and STOI without the clean signal (Kumar et al., 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.config.options import feature_option
from izwi.errors import UserError
from izwi.features.hub import OwnNetwork

if TYPE_CHECKING:
    import torch

SOURCE = "https://download.pytorch.org/torchaudio/models/squim_objective_dns2020.pth"


class Squim(OwnNetwork):
    """Estimated PESQ (1 to 4.6), SI-SDR (dB) and STOI (0 to 1) by SQUIM (Kumar et al., 2023)."""

    name = "squim"
    prefix = "squim."
    family = "squim"
    hub = "squim_objective_dns2020"
    located = ("squim.model",)
    # Its attention holds all pairs of frames, 500 a second.
    seconds = (0.01, 60.0)
    marks = ("encoder.conv1d.weight", "branches.2.1.alpha")
    options = (
        feature_option(
            "squim.model",
            "model",
            None,
            "squim: folder with the weights of torchaudio's SQUIM_OBJECTIVE as safetensors "
            "(required)",
            aliases=("model",),
        ),
    )

    @classmethod
    def named(cls, options: dict[str, Any]) -> str:
        """The folder of the model.

        Raises:
            UserError: if none is named
        """
        if not options["squim.model"]:
            raise UserError(
                f"{cls.where()}: missing; put {SOURCE} into a folder, convert it: python "
                "scripts/fetch_model.py <that folder> <new folder>, and set squim.model = "
                "<new folder>"
            )
        return options["squim.model"]

    def named_by(self, shapes: dict[str, list[int]]) -> list[str]:
        """See the base class."""
        return ["pesq", "sdr", "stoi"]

    def build(self, weights: dict[str, torch.Tensor]) -> Any:
        """The network; see the base class."""
        from izwi.features.squim_net import Net

        return Net(weights)
