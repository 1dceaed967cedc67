"""Convolutional nets for spectrograms (torch)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from izwi.features.picture import grid
from izwi.models.mlp import MLP, MLPRegression
from izwi.models.nets import ACTIVATIONS, Net

if TYPE_CHECKING:
    import numpy as np
    import torch

    from izwi.config.options import Option
    from izwi.models.base import Dev


def _options(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The options of a perceptron; its layers follow the convolutions."""
    own = {
        "layers": "cnn: sizes of the dense layers behind the convolutions, from the input to the "
        "output as written",
        "drop": "cnn: dropout after the dense layers: one probability, or one per layer",
        "activation": "cnn: activation of all layers",
    }
    return tuple(replace(o, doc=own[o.name]) if o.name in own else o for o in options)


class _Convolutional(Net):
    """A net that treats its features as a picture, bands over time; see ``spectrogram_net``."""

    reads = ("spectra", "os with level = frames")

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        self.shape = grid(self.features)
        return super()._fit(X, y, groups, dev)

    def _net(self, inputs: int) -> torch.nn.Module:
        from torch import nn

        from izwi.models.spectrogram_net import SpectrogramNet

        activation = getattr(nn, ACTIVATIONS[self.values["activation"]])
        return SpectrogramNet(*self.shape, activation, super()._net)

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "shape": list(self.shape)}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.shape = tuple(state["shape"])


class CNN(_Convolutional, MLP):
    """A convolutional net for classification."""

    name = "cnn"
    options = _options(MLP.options)


class CNNRegression(_Convolutional, MLPRegression):
    """A convolutional net for regression."""

    name = "cnn_reg"
    options = _options(MLPRegression.options)
