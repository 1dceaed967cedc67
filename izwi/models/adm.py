"""Artefact detection modules: a net per kind of features whose scores are fused (torch)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from izwi.config.options import Option, model_option
from izwi.errors import UserError
from izwi.models.mlp import MLP
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np
    import torch

    from izwi.models.base import Dev

BRANCHES = ("time", "spectral", "phase", "lfcc", "cqcc")
FUSIONS = ("weighted", "avg", "max", "concat", "gated")
# Beginning of a feature's name → its branch; embeddings are a word and a number.
_BEGINNINGS = {"stft": "phase", "lfcc": "lfcc", "cqcc": "cqcc"}
_SET = re.compile(r"^(?:sptk|lfcc|cqcc|mfcc)\.")
_EMBEDDING = re.compile(r"(?:[A-Za-z][A-Za-z0-9.-]*(?:_[A-Za-z][A-Za-z0-9]*)*_)?\d+")
# Values of options that are others for this model than for a perceptron.
_DEFAULTS = {
    "loss": "bce",
    "batch_size": 32,
    "scheduler": "cosine",
    "drop": 0.2,
}


def _options(options: tuple[Option, ...]) -> Iterable[Option]:
    """Options of a perceptron without its layers and what stands before them."""
    for option in options:
        if option.name == "drop":
            doc = "adm: dropout behind each layer of a branch"
            yield replace(option, kind="float|bool", default=_DEFAULTS["drop"], doc=doc)
        elif option.name in _DEFAULTS:
            yield replace(option, default=_DEFAULTS[option.name])
        elif option.name not in ("layers", "activation", "layer_mix"):
            yield option


class ADM(MLP):
    """Artefact detection modules: a net per kind of features whose scores are fused.

    Embeddings over time, spectra, phase and cepstra each go to a residual perceptron of their own.
    The term is that of Ahmadiadli et al., "Beyond identity: generalizable deepfake audio
    detection" (arXiv 2505.06766, 2025), whose modules work on audio; these, as nkululeko's, work
    on features of a recording. `izwi.models.adm_net` has the layers.
    """

    name = "adm"
    out_of_core = False
    most_epochs = 50
    options = (
        *_options(MLP.options),
        model_option(
            "adm.branches",
            "list",
            list(BRANCHES),
            "adm: kinds of features with a branch, as far as there are any: time (embeddings), "
            "phase (stft…), lfcc, cqcc, spectral (all others)",
            choices=BRANCHES,
        ),
        model_option(
            "adm.fusion",
            "str",
            "weighted",
            "adm: how the scores of the branches become one: a learned weighted mean, their mean "
            "or maximum, a linear layer (concat), or gates that depend on the scores",
            choices=FUSIONS,
        ),
        model_option(
            "adm.hidden_dim", "int", 256, "adm: units of a layer", minimum=2, maximum=8192
        ),
        model_option(
            "threshold",
            "float",
            0.5,
            "adm: of two classes, the second is decided if its probability is higher",
            minimum=0,
            maximum=1,
        ),
        *(
            model_option(
                f"adm.{kind}_feat_dim",
                "any",
                doc=f"adm: number of {what}",
                status="inert",
                advice="the features say how many there are",
            )
            for kind, what in (("ssl", "embeddings"), ("phase", "phase features"))
        ),
    )

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        """Problems with option values that types and limits cannot express, one line each."""
        problems = super().check({**options, "layers": [1]})
        if not options["adm.branches"]:
            problems.append("[MODEL] adm.branches: is empty")
        return problems

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        if self.values["threshold"] != 0.5 and len(self.labels) != 2:
            raise UserError(
                f"[MODEL] threshold: {self.values['threshold']} decides between two classes, there "
                f"are {len(self.labels)}"
            )
        found, wanted = branches_of(self.features), self.values["adm.branches"]
        self.groups = {name: places for name, places in found.items() if name in wanted}
        if not self.groups:
            raise UserError(
                f"[MODEL] adm.branches: no feature belongs to {', '.join(wanted)}, there are "
                f"features of {', '.join(found)}"
            )
        report = super()._fit(X, y, groups, dev)
        told = {name: f"{name} ({count(len(c), 'feature')})" for name, c in found.items()}
        left = ", ".join(text for name, text in told.items() if name not in self.groups)
        report["notes"].append(
            f"adm: branches {', '.join(told[name] for name in self.groups)}"
            + (f"; left out: {left}" if left else "")
        )
        return report

    def _net(self, inputs: int) -> torch.nn.Module:
        from izwi.models.adm_net import ArtefactNet

        return ArtefactNet(
            list(self.groups.values()),
            self.values["adm.hidden_dim"],
            self.outputs,
            float(self.values["drop"]),
            self.values["adm.fusion"],
        )

    def _decide(self, output: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np

        decision, p = super()._decide(output)
        if self.values["threshold"] != 0.5 and self.classes == sorted(self.labels):
            second = self.classes.index(self.labels[1])
            assert p is not None
            above = p[:, second] > self.values["threshold"]
            decision = np.where(above, self.classes[second], self.classes[1 - second])
        return decision, p

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "groups": self.groups}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.groups = state["groups"]


def branches_of(names: list[str]) -> dict[str, list[int]]:
    """Positions of features by branch, from their names.

    Args:
        names: such as ``wav2vec2_17`` (time), ``stft_3_mean`` (phase), ``lfcc_0_mean``,
            ``fbank_2_std`` (spectral)
    """
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        own = _SET.sub("", name)
        branch = next((b for begin, b in _BEGINNINGS.items() if own.startswith(begin)), None)
        if branch is None:
            branch = "time" if _EMBEDDING.fullmatch(own) else "spectral"
        found.setdefault(branch, []).append(place)
    return {name: found[name] for name in BRANCHES if name in found}
