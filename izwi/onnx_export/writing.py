"""A stored model as an ONNX file, compared with what it predicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError
from izwi.files import read_json
from izwi.onnx_export.models import convert
from izwi.training.fitting import Fitted

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

# Differences of probabilities, and relative ones of numbers, beyond which an export is refused.
MOST = 1e-5


def stored(folder: Path, about: dict[str, Any]) -> tuple[Fitted, ModelProto]:
    """The run that is best on dev, and its graph.

    Args:
        folder: of the models of an experiment, with ``model.json``
        about: further metadata

    Raises:
        UserError: if there is no single model, or it cannot be exported
    """
    kept = read_json(folder / "model.json")
    if kept["folds"] or kept.get("submodels"):
        raise UserError(
            f"{folder}: there is no single model, but one for each fold or value; run the ini once "
            "more under another name without logo, k_fold_cross and submodel"
        )
    fitted = Fitted.load(folder / f"run{kept['best_run']}", kept["features"])
    told = {"task": kept["task"], "feature_sets": kept["feature_sets"]}
    return fitted, convert(fitted, {**told, **about})


def compared(fitted: Fitted, made: ModelProto, X: np.ndarray) -> dict[str, Any]:
    """How far the graph, run by onnxruntime, is from the model.

    Args:
        fitted: the model with its preprocessing
        made: its graph
        X: features, shape (samples, features)

    Returns:
        ``samples``, ``difference`` (the largest: of probabilities, or of numbers relative to the
        largest), ``other_labels`` (samples that the two label differently)

    Raises:
        UserError: if the difference is above :data:`MOST`
    """
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"features": np.asarray(X, dtype=np.float64)})
    ours = fitted.decide(fitted.preprocessing.transform(X))
    others = 0
    if ours.probabilities is None:
        size = max(1.0, float(np.abs(ours.decision).max(initial=0)))
        difference = float(np.abs(found[0] - ours.decision).max(initial=0)) / size
    else:
        difference = float(np.abs(found[1] - ours.probabilities).max(initial=0))
        others = int((found[0].astype(str) != ours.decision).sum())
    if not difference <= MOST:
        raise UserError(
            f"[MODEL] onnx: the graph of {fitted.model.name} differs from the model by "
            f"{difference:.2g} on {len(X)} samples; it is not written"
        )
    return {"samples": len(X), "difference": difference, "other_labels": others}
