"""What all nets have in common: training on batches, the best epoch by dev (torch)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from izwi.config.options import model_option
from izwi.data.rows import Rows
from izwi.errors import UserError
from izwi.models import layer_mix, schedules
from izwi.models.base import Model
from izwi.wording import agreed, count

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    import numpy as np
    import torch

    from izwi.models.base import Dev

    # Of outputs and targets of a batch.
    Loss: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

ACTIVATIONS = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "leaky_relu": "LeakyReLU",
    "gelu": "GELU",
}
_AT_ONCE = 4096  # rows whose output is held in memory
WEIGHT_DECAY = {"adamw": 0.01, "adam": 0.0, "sgd": 0.0}

OPTIONS = (
    model_option(
        "layers",
        "list|dict",
        [64, 16],
        "sizes of the hidden layers, [64, 16] or {'l1': 64, 'l2': 16}: from the input to the "
        "output as written, a dict in the order of its numbered names",
    ),
    model_option(
        "drop",
        "float|list|bool",
        False,
        "dropout after the hidden layers: one probability, or one per layer",
        minimum=0,
    ),
    model_option(
        "activation", "str", "relu", "activation of the hidden layers", choices=tuple(ACTIVATIONS)
    ),
    model_option("learning_rate", "float", 0.0001, "step size of the optimizer", minimum=0),
    model_option("optimizer", "str", "adamw", "optimizer of the net", choices=tuple(WEIGHT_DECAY)),
    model_option(
        "weight_decay",
        "float",
        None,
        "decay of the weights towards 0 (default: .01 for adamw, else none)",
        minimum=0,
    ),
    model_option("momentum", "float", 0.9, "momentum of sgd", minimum=0, maximum=1),
    model_option("batch_size", "int", 8, "samples per step", minimum=1),
    model_option(
        "patience",
        "int|bool",
        10,
        "stop when the dev measure has not improved for this many epochs; False: never",
        minimum=0,
    ),
    model_option(
        "device",
        "str",
        "cpu",
        "device for training nets; auto uses a GPU if there is one, and values then depend on "
        "the machine",
        choices=("cpu", "cuda", "auto"),
    ),
    *schedules.OPTIONS,
    schedules.CLIP,
)


MOST_LAYERS, MOST_UNITS = 100, 100_000


class Net(Model):
    """A perceptron, trained on batches, best epoch by dev.

    After each epoch the dev samples are predicted. The weights of the epoch with the best dev
    measure are kept; of ties, the one with the smaller dev loss. Without dev samples all epochs
    are trained and the last one is kept.
    """

    group = "deep"
    packages: ClassVar[tuple[str, ...]] = ("torch", "safetensors")
    needs_dev = True
    measure = ""  # the default one
    most_epochs = 100  # where EXP.epochs is silent
    scores_training = True  # measure the training samples after each epoch
    outputs = 1
    schedule: Any = None  # of the step size
    mix: Sequence[dict[str, Any]] = ()  # layers of pretrained models, of which it takes a mean

    @classmethod
    def is_deterministic(cls, options: dict[str, Any]) -> bool:
        """First weights and the order of samples are random."""
        return False

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        """Problems with option values that types and limits cannot express, one line each."""
        problems = super().check(options)
        sizes = layer_sizes(options["layers"])
        if not sizes or not all(type(size) is int and size > 0 for size in sizes):
            problems.append(
                f"[MODEL] layers: {options['layers']!r} is not a list of sizes such as [64, 16]"
            )
        elif len(sizes) > MOST_LAYERS or max(sizes) > MOST_UNITS:
            problems.append(
                f"[MODEL] layers: at most {MOST_LAYERS} layers of at most {MOST_UNITS} units each"
            )
        drop = options["drop"]
        shares = drop if isinstance(drop, list) else [drop]
        if drop is True or not all(
            isinstance(share, (int, float)) and 0 <= share < 1 for share in shares
        ):
            problems.append(
                f"[MODEL] drop: {drop!r} is not a probability below 1 or a list of such"
            )
        elif isinstance(drop, list) and len(drop) > len(sizes):
            problems.append(
                f"[MODEL] drop: {len(drop)} probabilities for {len(sizes)} hidden layers"
            )
        if options["patience"] is True:
            problems.append("[MODEL] patience: True is not a number of epochs")
        return problems

    def _check(self, record: dict[str, Any]) -> None:
        """Stop where an epoch has led nowhere."""
        if not math.isfinite(record["train_loss"]):
            scaling = "" if self.takes_recordings else ", or scale the features ([FEATS] scale)"
            raise UserError(
                f"[MODEL] learning_rate: training diverged in epoch {record['epoch']}; take a "
                f"smaller one{scaling}"
            )

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        import torch

        device = self._device()
        notes = []
        if device == "cpu" and self.values["device"] == "cuda":
            notes.append("[MODEL] device: there is no GPU for cuda here, trained on the processor")
        self.inputs = X.shape[1]
        self.mix = layer_mix.blocks(self.features) if self.values.get("layer_mix") else []
        with _reproducible(self.seed, device):
            self._prepare(y)
            x, target = self._inputs_of(X, device), self._target(y, device)
            dev_x = dev_target = None
            if dev is not None:
                # There is no output, hence no loss, for a class that did not occur in training.
                known = self._known(dev[1])
                dev_x = self._inputs_of(dev[0], device)
                dev_target = self._target(dev[1][known], device)
                known = torch.as_tensor(known, device=device)
                if not known.all():
                    notes.append(
                        f"{count(int((~known).sum()), 'dev sample')} of classes that do not "
                        "occur in training count in the dev measure, not in the dev loss"
                    )
            net = self._net(self.inputs).to(device)
            loss_of = self._loss(y, device)
            optimizer = self._optimizer(net)
            self.schedule = self._schedule(optimizer, len(X))
            history: list[dict[str, Any]] = []
            best, best_score, kept = 0, (-math.inf, -math.inf), None
            patience = self.values["patience"]
            for epoch in range(1, self.values.get("epochs", self.most_epochs) + 1):
                record: dict[str, Any] = {
                    "epoch": epoch,
                    "train_loss": self._train_epoch(net, x, target, loss_of, optimizer),
                }
                history.append(record)
                self._check(record)
                net.eval()
                with torch.no_grad():
                    if self.scores_training:
                        record["train_measure"] = self._score(self._outputs(net, x), y)
                    if dev is None:
                        continue
                    output = self._outputs(net, dev_x)
                    loss = float(loss_of(output[known], dev_target)) if known.any() else None
                record["dev_loss"] = loss
                record["dev_measure"] = self._score(output, dev[1])
                score = (self._goodness(record["dev_measure"]), -(loss or 0.0))
                if not best or score > best_score:
                    best, best_score = epoch, score
                    kept = {name: value.clone() for name, value in net.state_dict().items()}
                elif patience and epoch - best >= patience:
                    notes.append(
                        f"{self.name}: stopped after epoch {epoch}, the dev measure has not "
                        f"improved for {patience}"
                    )
                    break
            if kept is not None:
                net.load_state_dict(kept)
        self.net = net.to("cpu").eval()
        notes += layer_mix.told(self.mix, self.net.state_dict())
        if dev is None:
            trained = agreed(len(history), "one epoch is", f"all {len(history)} epochs are")
            notes.append(f"{self.name}: no dev samples, {trained} trained")
        return {
            "measure": self._measure(),
            "best_epoch": best or len(history),
            "epochs": history,
            "notes": notes,
        }

    def _train_epoch(
        self,
        net: torch.nn.Module,
        x: Any,
        target: torch.Tensor,
        loss_of: Loss,
        optimizer: torch.optim.Optimizer,
    ) -> float:
        """Train one epoch in random order; mean loss over its samples."""
        import torch

        net.train()
        total = torch.zeros((), dtype=torch.float64, device=target.device)
        order = torch.randperm(len(x)).to(target.device)
        size = self.values["batch_size"]
        group = self.values.get("gradient_accumulation_steps", 1)
        batches = zip(self._batches(x, order, size), target[order].split(size), strict=True)
        while together := list(islice(batches, group)):
            optimizer.zero_grad()
            for batch, truth in together:
                loss = loss_of(net(self._noisy(batch)), truth)
                (loss / len(together)).backward()
                total += loss.detach() * len(truth)
            self._step(net, optimizer)
        return float(total) / len(x)

    def _inputs_of(self, X: np.ndarray, device: str) -> Any:
        """The inputs of batches, from the features of some samples."""
        return OnDisk(X, device) if isinstance(X, Rows) else tensor(X, device)

    def _batches(self, x: Any, order: torch.Tensor, size: int) -> Iterable[Any]:
        """Inputs of the net for the samples of an epoch, in the given order."""
        return x.batches(order, size) if isinstance(x, OnDisk) else x[order].split(size)

    def _outputs(self, net: torch.nn.Module, x: Any) -> torch.Tensor:
        """Outputs of the net for all samples, not in training; shape (samples, outputs)."""
        import torch

        return torch.cat([net(part) for part in x.split(_AT_ONCE)])

    def _step(self, net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """One step down the gradients."""
        if self.values.get("max_grad_norm"):
            from torch.nn.utils import clip_grad_norm_

            clip_grad_norm_(net.parameters(), self.values["max_grad_norm"])
        optimizer.step()
        if self.schedule is not None:
            self.schedule.step()

    def _schedule(self, optimizer: torch.optim.Optimizer, samples: int) -> Any:
        """What changes the step size after each step, None if nothing does."""
        batches = math.ceil(samples / self.values["batch_size"])
        steps = math.ceil(batches / self.values.get("gradient_accumulation_steps", 1))
        epochs = self.values.get("epochs", self.most_epochs)
        factor = schedules.factor(self.values, epochs, steps)
        if factor is None:
            return None
        from torch.optim.lr_scheduler import LambdaLR

        return LambdaLR(optimizer, factor)

    def _noisy(self, batch: Any) -> Any:
        """Inputs of a batch with noise, if that is asked for."""
        import torch

        deviation = self.values.get("feature_noise")
        return batch + deviation * torch.randn_like(batch) if deviation else batch

    def _device(self) -> str:
        import torch

        device = self.values["device"]
        if device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return "cpu" if device == "cuda" and not torch.cuda.is_available() else device

    def _net(self, inputs: int) -> torch.nn.Module:
        from torch import nn

        first = []
        if self.mix:
            mean, inputs = layer_mix.net(self.mix, inputs)
            first = [mean]
        sizes = [inputs, *layer_sizes(self.values["layers"])]
        drop = self.values["drop"]
        shares = drop if isinstance(drop, list) else [drop] * (len(sizes) - 1)
        modules: list[nn.Module] = [*first]
        for i, (before, after) in enumerate(pairwise(sizes)):
            modules += [
                nn.Linear(before, after),
                getattr(nn, ACTIVATIONS[self.values["activation"]])(),
            ]
            if i < len(shares) and shares[i]:
                modules.append(nn.Dropout(float(shares[i])))
        return nn.Sequential(*modules, nn.Linear(sizes[-1], self.outputs))

    def _optimizer(self, net: torch.nn.Module) -> torch.optim.Optimizer:
        from torch import optim

        name = self.values["optimizer"]
        decay = self.values["weight_decay"]
        common = {
            "lr": self.values["learning_rate"],
            "weight_decay": WEIGHT_DECAY[name] if decay is None else decay,
            "fused": True,  # a third less time in small nets
        }
        weights = [weight for weight in net.parameters() if weight.requires_grad]
        if name == "sgd":
            return optim.SGD(weights, momentum=self.values["momentum"], **common)
        return {"adam": optim.Adam, "adamw": optim.AdamW}[name](weights, **common)

    def _measure(self) -> str:
        return self.values.get("measure") or self.measure

    def _score(self, output: torch.Tensor, truth: np.ndarray) -> float | None:
        """The dev measure."""
        from izwi.evaluation.measures import measures

        decision, probabilities = self._decide(output)
        scores = None
        if probabilities is not None and len(self.labels) == len(self.classes) == 2:
            scores = probabilities[:, self.classes.index(self.labels[1])]
        return measures(truth, decision, task=self.task, labels=self.labels, scores=scores)[
            self._measure()
        ]

    def _goodness(self, value: float | None) -> float:
        """Higher is better; undefined is worst."""
        from izwi.evaluation.measures import direction

        return -math.inf if value is None else direction(self._measure()) * value

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import torch

        with _reproducible(self.seed, "cpu"), torch.no_grad():
            return self._decide(self._outputs(self.net, self._inputs_of(X, "cpu")))

    def _save(self, folder: Path) -> dict[str, Any]:
        from safetensors.torch import save_file

        save_file(self.net.state_dict(), folder / "model.safetensors")
        mix = {"mix": self.mix} if self.mix else {}
        return {"inputs": self.inputs, **mix, **self._state()}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        from safetensors.torch import load_file

        self._restore(state)
        self.inputs, self.mix = state["inputs"], state.get("mix", [])
        self.net = self._net(self.inputs).eval()
        self.net.load_state_dict(load_file(folder / "model.safetensors"))

    def _prepare(self, y: np.ndarray) -> None:
        """Derive from the training targets how to encode targets and decode outputs."""
        raise NotImplementedError

    def _target(self, y: np.ndarray, device: str) -> torch.Tensor:
        raise NotImplementedError

    def _known(self, y: np.ndarray) -> np.ndarray:
        """Samples whose target the net can represent."""
        raise NotImplementedError

    def _loss(self, y: np.ndarray, device: str) -> Loss:
        raise NotImplementedError

    def _decide(self, output: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        """State of the fitted model besides the weights."""
        return {}

    def _restore(self, state: dict[str, Any]) -> None:
        """Restore the state returned by :meth:`_state`."""


class OnDisk:
    """Inputs of a net that are read from the disk, a few batches at a time.

    Args:
        rows: shape (samples, features)
        device: of the batches
    """

    def __init__(self, rows: Rows, device: str) -> None:
        self.rows, self.device = rows, device

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, order: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
        """Batches of samples in the given order."""
        several = size * max(1, self.rows.rows_at_a_time // size)
        for numbers in order.cpu().split(several):
            yield from tensor(self.rows[numbers.numpy()], self.device).split(size)

    def split(self, size: int) -> Iterator[torch.Tensor]:
        """Batches of samples in their own order."""
        for first in range(0, len(self), size):
            yield tensor(self.rows[first : first + size], self.device)


def layer_sizes(layers: list[int] | dict[str, int]) -> list[int]:
    """Sizes of the hidden layers from input to output; ``l2`` comes before ``l10``."""
    if isinstance(layers, list):
        return layers

    def natural(name: Any) -> list[tuple[int, int, str]]:
        parts = re.findall(r"\d+|\D+", str(name))
        return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts]

    return [layers[name] for name in sorted(layers, key=natural)]


def tensor(values: np.ndarray, device: str) -> torch.Tensor:
    """Numbers as the net takes them."""
    import torch

    return torch.as_tensor(values, dtype=torch.float32, device=device)


@contextmanager
def _reproducible(seed: int, device: str) -> Iterator[None]:
    """Seed torch, one thread, deterministic kernels; restores all settings at the end."""
    import torch

    if device == "cuda":
        # Asked for by deterministic matrix products on a GPU.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[0] if device == "cuda" else []):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)
