"""Pretrained transformers, finetuned for the task (torch)."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.config.options import Option, model_option
from izwi.errors import UserError
from izwi.features import pretrained
from izwi.features.wave import RATE
from izwi.models import schedules
from izwi.models.mlp import MLP, MLPRegression
from izwi.models.nets import Net

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import torch

    from izwi.models.base import Dev

KINDS = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "whisper")
# nkululeko's default.
DEFAULT = "facebook/wav2vec2-large-robust-ft-swbd-300h"
FREEZE = ("none", "features", "encoder")
# A wave in one piece takes some 20 MB a second, in training several times as much.
LONGEST_SECONDS = 60
WHERE = "[MODEL] pretrained_model"
PRETRAINED = "pretrained"  # folder of its configuration in that of the model

OWN = (
    model_option(
        "pretrained_model",
        "model",
        DEFAULT,
        "finetune: folder of the pretrained model, or its name on the Hugging Face hub: wav2vec "
        "2.0, HuBERT, WavLM, data2vec, or Whisper's encoder",
    ),
    Option(
        "MODEL",
        "max_duration",
        "float",
        8.0,
        "finetune: seconds used of each recording; longer ones are cut, with a warning",
        stage="features",
        minimum=0.1,
        maximum=LONGEST_SECONDS,
        aliases=("duration",),
    ),
    model_option(
        "freeze",
        "int|str",
        "features",
        "finetune: parts that keep their pretrained weights: none; features (the convolutions at "
        "the bottom); encoder (all but the linear layer on top); or a number of layers, counted "
        "from the bottom, with the convolutions",
        minimum=0,
    ),
    model_option(
        "gradient_accumulation_steps",
        "int",
        1,
        "finetune: batches whose gradients are averaged before the weights change",
        minimum=1,
        maximum=1000,
    ),
    model_option(
        "warmup_ratio",
        "float",
        0.1,
        "finetune: share of all steps in which the step size rises to learning_rate; it falls to "
        "0 in the others",
        minimum=0,
        maximum=1,
    ),
    model_option(
        "max_grad_norm",
        "float",
        1.0,
        "finetune: largest norm of a gradient; larger ones are scaled down to it",
        minimum=0.001,
    ),
)


def _options(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Options of a perceptron without its layers, and those of finetuning."""
    doc = "finetune: dropout before the linear layer"
    other = ("layers", "activation", *(o.name for o in (*schedules.OPTIONS, schedules.CLIP)))
    kept = [o for o in options if o.name not in other]
    drop = next(o for o in kept if o.name == "drop")
    own = replace(drop, kind="float|bool", default=0.1, doc=doc)
    return (*(own if o is drop else o for o in kept), *OWN)


class _Transfer(Net):
    """A pretrained transformer, the mean of its states over time, and a linear layer.

    Trained end to end like a perceptron: best epoch by dev. Weights and configuration are stored
    with the fitted model, which then no longer needs the pretrained model.
    """

    packages = (*Net.packages, "transformers")
    reads = ("wave",)
    takes_recordings = True
    located = ("pretrained_model",)
    most_epochs = 10
    scores_training = False  # would take half as long again

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        """Problems with option values that types and limits cannot express, one line each."""
        # One layer, behind one dropout.
        problems = super().check({**options, "layers": [1]})
        freeze = options["freeze"]
        if isinstance(freeze, str) and freeze.lower() not in FREEZE:
            problems.append(
                f"[MODEL] freeze: {freeze!r} is none of {', '.join(FREEZE)} and no number of layers"
            )
        return problems

    @classmethod
    def brings(cls, options: dict[str, Any]) -> list[dict[str, Any]]:
        """Recordings, cut to ``max_duration``."""
        return [{"type": "wave", "options": {"seconds": options["max_duration"]}}]

    @classmethod
    def content(cls, options: dict[str, Any]) -> list[str]:
        """Digests of the pretrained model's files.

        Raises:
            UserError: if there is no such model, it is of another kind, or its weights are
                missing, a Git-LFS pointer or pickled; if options do not match it
        """
        pretrained.check_installed(f"[MODEL] type: {cls.name}")
        folder = pretrained.find(options["pretrained_model"], WHERE, "pretrained_model")
        config = pretrained.read_config(folder, WHERE)
        kind = config.get("model_type")
        if kind not in KINDS:
            raise UserError(
                f"{WHERE}: {folder} holds a model of the type {kind}, {cls.name} takes "
                f"{', '.join(KINDS)}"
            )
        found = pretrained.digests(folder, WHERE)
        front = next(folder / f for f in pretrained.FRONT_ENDS if (folder / f).is_file())
        rate = pretrained.read_mapping(front, WHERE).get("sampling_rate", RATE)
        if rate != RATE:
            raise UserError(f"{WHERE}: {folder} takes audio of {rate} Hz, {cls.name} has {RATE}")
        layers, freeze = pretrained.layers_of(config), options["freeze"]
        if isinstance(freeze, int) and layers and freeze > layers:
            raise UserError(
                f"[MODEL] freeze: {freeze} is more than the {layers} layers of the model"
            )
        seconds, longest = options["max_duration"], _longest(config)
        if seconds > longest:
            raise UserError(
                f"[MODEL] max_duration: {seconds:g} s are more than the {longest:g} s that the "
                "model takes"
            )
        return found

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        batches = math.ceil(len(X) / self.values["batch_size"])
        self.steps = math.ceil(batches / self.values["gradient_accumulation_steps"])
        self.source: Path | None = None
        report = super()._fit(X, y, groups, dev)
        counts = [
            sum(w.numel() for w in self.net.parameters() if w.requires_grad or not trained)
            for trained in (True, False)
        ]
        report["notes"].append(
            f"{self.name}: {counts[0]:,} of {counts[1]:,} weights are trained, freeze = "
            f"{self.values['freeze']}"
        )
        return report

    def _net(self, inputs: int) -> torch.nn.Module:
        import torch
        from transformers import AutoModel

        from izwi.models import finetune_net

        stored = self.source
        name = self.values["pretrained_model"]
        folder = stored or pretrained.find(name, WHERE, "pretrained_model")
        front = pretrained.front_end(folder)
        config = pretrained.architecture(folder, WHERE)
        if stored is None:
            # Off: random gaps in input and layers are in part drawn by numpy, without the seed.
            for name in ("layerdrop", "encoder_layerdrop"):
                if hasattr(config, name):
                    setattr(config, name, 0.0)
            config.apply_spec_augment = False
            model = pretrained.load(folder, config, WHERE)
        else:
            model = AutoModel.from_config(config, dtype=torch.float32)
        # Copies as read, since an encoder may be cut.
        self.config, self.front = copy.deepcopy(config), front
        if config.model_type == "whisper":
            encoder = finetune_net.WhisperEncoder(model, front, self.values["max_duration"])
        else:
            encoder = finetune_net.WaveEncoder(model, front)
        freeze = self.values["freeze"]
        return finetune_net.FinetuneNet(
            encoder,
            self.outputs,
            float(self.values["drop"]),
            freeze if isinstance(freeze, int) else freeze.lower(),
        )

    def _schedule(self, optimizer: torch.optim.Optimizer, samples: int) -> Any:
        from torch.optim.lr_scheduler import LambdaLR

        steps = self.steps * self.values.get("epochs", self.most_epochs)
        rise = round(self.values["warmup_ratio"] * steps)

        def factor(step: int) -> float:
            return (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)

        return LambdaLR(optimizer, factor)

    def _inputs_of(self, X: np.ndarray, device: str) -> list[np.ndarray]:
        return list(X[:, 0])

    def _batches(self, x: Any, order: torch.Tensor, size: int) -> Iterable[Any]:
        for rows in order.split(size):
            yield [x[row] for row in rows.tolist()]

    def _outputs(self, net: torch.nn.Module, x: Any) -> torch.Tensor:
        import torch

        # On a processor, one by one is as fast and needs no padding.
        size = 1 if net.encoder.device.type == "cpu" else self.values["batch_size"]
        return torch.cat([net(x[first : first + size]) for first in range(0, len(x), size)])

    def _save(self, folder: Path) -> dict[str, Any]:
        self.config.save_pretrained(folder / PRETRAINED)
        self.front.save_pretrained(folder / PRETRAINED)
        return super()._save(folder)

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        self.source = folder / PRETRAINED
        super()._load(folder, state)


class Finetune(_Transfer, MLP):
    """A finetuned transformer for classification."""

    name = "finetune"
    options = _options(MLP.options)


class FinetuneRegression(_Transfer, MLPRegression):
    """A finetuned transformer for regression."""

    name = "finetune_reg"
    options = _options(MLPRegression.options)


def _longest(config: dict[str, Any]) -> float:
    """Maximum duration of a model's input in seconds."""
    if config.get("model_type") != "whisper":
        return LONGEST_SECONDS
    # Two spectra, 10 ms apart, for a position.
    return config.get("max_source_positions", 1500) / 50
