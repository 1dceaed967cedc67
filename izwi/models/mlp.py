"""Multi-layer perceptrons (torch)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from izwi.config.options import Option, model_option
from izwi.models.nets import OPTIONS, Net, tensor

if TYPE_CHECKING:
    import numpy as np
    import torch

    from izwi.models.nets import Loss

LAYER_MIX = model_option(
    "layer_mix",
    "bool",
    False,
    "learn, with the net, the weights of a mean over all layers of a pretrained model (SUPERB); "
    "needs features of all layers, such as wav2vec2.layer = all",
)
LOSSES = ("cross", "weighted", "focal", "f1", "bce", "weighted_bce", "mse", "mae")


class MLP(Net):
    """A perceptron for classification."""

    name = "mlp"
    task = "classification"
    out_of_core = True
    measure = "uar"
    handles_class_weight = True
    options: ClassVar[tuple[Option, ...]] = (
        *OPTIONS,
        LAYER_MIX,
        model_option(
            "loss",
            "str",
            "cross",
            "loss function: cross entropy, also weighted by inverse frequency of the classes; "
            "focal loss; 1 - the mean of the classes' soft F1; binary cross entropy of each class "
            "against the rest, also weighted; squared or absolute error of probabilities",
            choices=LOSSES,
        ),
        model_option(
            "focal.gamma",
            "float",
            2.0,
            "with loss = focal: how strongly easy samples are down-weighted",
            minimum=0,
        ),
        model_option(
            "focal.alpha", "float", 1.0, "with loss = focal: factor of the loss", minimum=0
        ),
        model_option(
            "label_smoothing",
            "float|bool",
            0.0,
            "share of the true label that cross entropy spreads over all classes; True: .1",
            minimum=0,
            maximum=1,
        ),
    )

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        """Problems with option values that types and limits cannot express, one line each."""
        problems = super().check(options)
        if options["loss"] not in ("cross", "weighted") and options["label_smoothing"]:
            problems.append("[MODEL] label_smoothing: only with loss = cross or weighted")
        return problems

    def _prepare(self, y: np.ndarray) -> None:
        self.outputs = len(self.classes)

    def _restore(self, state: dict[str, Any]) -> None:
        self.outputs = len(self.classes)

    def _target(self, y: np.ndarray, device: str) -> torch.Tensor:
        import numpy as np
        import torch

        return torch.from_numpy(np.searchsorted(self.classes, y)).to(device)

    def _known(self, y: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.isin(y, self.classes)

    def _loss(self, y: np.ndarray, device: str) -> Loss:
        import numpy as np
        import torch
        from sklearn.utils.class_weight import compute_class_weight

        from izwi.models import losses

        loss = self.values["loss"]
        weight = None
        if self.values.get("class_weight") or loss in ("weighted", "weighted_bce"):
            classes = np.asarray(self.classes)
            balanced = compute_class_weight("balanced", classes=classes, y=y)
            weight = torch.as_tensor(balanced, dtype=torch.float32, device=device)
        if loss == "focal":
            gamma, alpha = self.values["focal.gamma"], self.values["focal.alpha"]
            return lambda output, target: losses.focal_loss(output, target, gamma, alpha, weight)
        by_name = {
            "f1": losses.soft_f1_loss,
            "bce": losses.one_against_rest_loss,
            "weighted_bce": losses.one_against_rest_loss,
            "mse": losses.squared_loss,
            "mae": losses.absolute_loss,
        }
        if loss in by_name:
            return lambda output, target: by_name[loss](output, target, weight)
        smoothing = self.values["label_smoothing"]
        return torch.nn.CrossEntropyLoss(
            weight, label_smoothing=0.1 if smoothing is True else float(smoothing)
        )

    def _decide(self, output: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np
        import torch

        if self.values["loss"] in ("bce", "weighted_bce"):
            # Each output is a probability of its own; in logarithms, so that none vanishes.
            output = torch.nn.functional.logsigmoid(output.double())
        probabilities = torch.softmax(output.double(), dim=1).cpu().numpy()
        return np.asarray(self.classes)[probabilities.argmax(axis=1)], probabilities


class MLPRegression(Net):
    """A perceptron for regression.

    It learns the target in standard deviations from the mean of the training samples; losses
    are in that unit. With ``scale_target = False`` it learns the target as it is.
    """

    name = "mlp_reg"
    task = "regression"
    out_of_core = True
    measure = "mse"
    options: ClassVar[tuple[Option, ...]] = (
        *OPTIONS,
        LAYER_MIX,
        model_option(
            "loss",
            "str",
            "mse",
            "loss function",
            choices=("mse", "mae", "1-ccc", "1-pcc"),
        ),
        model_option(
            "scale_target",
            "bool",
            True,
            "learn the target in standard deviations from the training mean; predictions and "
            "values are in its own unit",
        ),
    )

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        """Problems with option values that types and limits cannot express, one line each."""
        problems = super().check(options)
        if options["loss"] in ("1-ccc", "1-pcc") and options["batch_size"] < 2:
            problems.append(f"[MODEL] batch_size: loss = {options['loss']} needs 2 samples or more")
        return problems

    def _prepare(self, y: np.ndarray) -> None:
        scaled = self.values["scale_target"]
        self.mean = float(y.mean()) if scaled else 0.0
        self.deviation = (float(y.std()) or 1.0) if scaled else 1.0

    def _state(self) -> dict[str, Any]:
        return {"mean": self.mean, "deviation": self.deviation}

    def _restore(self, state: dict[str, Any]) -> None:
        self.mean, self.deviation = state["mean"], state["deviation"]

    def _target(self, y: np.ndarray, device: str) -> torch.Tensor:
        return tensor((y - self.mean) / self.deviation, device)

    def _known(self, y: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.ones(len(y), dtype=bool)

    def _loss(self, y: np.ndarray, device: str) -> Loss:
        from torch.nn.functional import l1_loss, mse_loss

        from izwi.models import losses

        loss = {
            "mse": mse_loss,
            "mae": l1_loss,
            "1-ccc": losses.ccc_loss,
            "1-pcc": losses.pcc_loss,
        }[self.values["loss"]]
        return lambda output, target: loss(output[:, 0], target)

    def _decide(self, output: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        return output[:, 0].double().cpu().numpy() * self.deviation + self.mean, None
