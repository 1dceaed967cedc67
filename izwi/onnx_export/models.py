"""Models as graphs: how what they find becomes labels and probabilities."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from izwi.errors import UserError
from izwi.onnx_export import steps
from izwi.onnx_export.support import CONVERTERS, refused

if TYPE_CHECKING:
    from onnx import ModelProto

    from izwi.models.base import Model
    from izwi.onnx_export.graph import Graph
    from izwi.training.fitting import Fitted

# Place of the class among the model's (samples), or the value (samples, 1); probabilities of the
# model's classes (samples, classes), None in regression.
Found: TypeAlias = tuple[str, "str | None"]


def convert(fitted: Fitted, about: dict[str, Any]) -> ModelProto:
    """A fitted preprocessing and its model as one graph.

    The input ``features`` is double, shape (samples, features), NaN where a value is missing.
    Outputs of a classification are ``label`` (samples), strings, and ``probabilities`` (samples,
    labels), double, in the order of the labels of the experiment; of a regression ``prediction``
    (samples), double.

    Args:
        fitted: of a run
        about: metadata: name → text, or what JSON can store

    Raises:
        UserError: if the scaler or the model cannot be exported
    """
    import numpy as np
    from onnx import TensorProto

    from izwi.onnx_export.graph import Graph

    model = fitted.model
    graph = Graph(len(fitted.preprocessing.names))
    decision, p = nodes(graph, steps.preprocess(graph, fitted.preprocessing), model)
    if model.task == "regression":
        flat = graph.add("Reshape", graph.double(decision), graph.numbers(-1))
        graph.output(flat, "prediction", TensorProto.DOUBLE, ["samples"])
    else:
        names = graph.constant(model.classes, str)
        graph.output(graph.add("Gather", names, decision), "label", TensorProto.STRING, ["samples"])
        assert p is not None
        if fitted.temperature is not None:
            p = _at_temperature(graph, p, fitted.temperature)
        # A class that was absent from training has 0.
        place = np.zeros((len(model.classes), len(model.labels)))
        place[np.arange(len(model.classes)), model.known()] = 1
        ordered = graph.add("MatMul", p, graph.constant(place))
        shape = ["samples", len(model.labels)]
        graph.output(ordered, "probabilities", TensorProto.DOUBLE, shape)
    stored = {
        **about,
        "features": fitted.preprocessing.names,
        "labels": model.labels or None,
        "model": {"type": model.name, "options": model.values},
    }
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in stored.items()
        if value is not None
    }
    return graph.model(str(about.get("experiment", model.name)), texts)


def nodes(graph: Graph, x: str, model: Model) -> Found:
    """Decision and probabilities of a model.

    Raises:
        UserError: if the model cannot be exported
    """
    if told := refused(model.name):
        raise UserError(f"[MODEL] type: {told}")
    module, function = CONVERTERS[model.name].split(":")
    found = getattr(import_module(f"izwi.onnx_export.{module}"), function)
    return found(graph, x, model)


def vote(graph: Graph, x: str, model: Any) -> Found:
    """The weighted mean of the models that vote."""
    import numpy as np

    weights = np.asarray(model.values["vote.weights"] or [1.0] * len(model.members), dtype=float)
    total = ""
    for member, weight in zip(model.members, weights / weights.sum(), strict=True):
        decision, p = nodes(graph, x, member)
        part = graph.add("Mul", graph.double(decision) if p is None else p, graph.constant(weight))
        total = graph.add("Add", total, part) if total else part
    if model.task == "regression":
        return total, None
    return graph.add("ArgMax", total, axis=1, keepdims=0), total


def _at_temperature(graph: Graph, p: str, temperature: float) -> str:
    """As `izwi.models.temperature.scale`."""
    from izwi.models.temperature import FLOOR

    logits = graph.add("Log", graph.add("Max", p, graph.constant(FLOOR)))
    return graph.add("Softmax", graph.add("Div", logits, graph.constant(temperature)), axis=1)
