"""Preprocessing as nodes: chosen features, missing values, scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from izwi.errors import UserError
from izwi.onnx_export.support import refused_scaler

if TYPE_CHECKING:
    from izwi.onnx_export.graph import Graph
    from izwi.preprocessing.pipeline import Preprocessing


def preprocess(graph: Graph, steps: Preprocessing) -> str:
    """The inputs of the model, shape (samples, features), double.

    Raises:
        UserError: if the scaler cannot be exported
    """
    if told := refused_scaler(steps.scale):
        raise UserError(told)
    x = graph.x
    if steps.kept != list(range(graph.inputs)):
        x = graph.columns(x, steps.kept)
    fitted = steps._fitted
    if "fill" in fitted:
        x = graph.add("Where", graph.add("IsNaN", x), graph.constant(fitted["fill"]), x)
    if steps.scale == "bins":
        low, high = (graph.constant(limit) for limit in fitted["limits"])
        halves = [
            graph.add("Mul", graph.double(graph.add("GreaterOrEqual", x, limit)), _half(graph))
            for limit in (low, high)
        ]
        binned = graph.add("Add", *halves)
        return graph.add("Where", graph.add("IsNaN", x), x, binned)
    if "scaler" in fitted:
        return _SCALED[steps.scale](graph, x, fitted["scaler"])
    return x


def _half(graph: Graph) -> str:
    return graph.constant(0.5)


def _standard(graph: Graph, x: str, scaler: Any) -> str:
    centred = graph.add("Sub", x, graph.constant(scaler.mean_))
    return graph.add("Div", centred, graph.constant(scaler.scale_))


def _robust(graph: Graph, x: str, scaler: Any) -> str:
    centred = graph.add("Sub", x, graph.constant(scaler.center_))
    return graph.add("Div", centred, graph.constant(scaler.scale_))


def _minmax(graph: Graph, x: str, scaler: Any) -> str:
    scaled = graph.add("Mul", x, graph.constant(scaler.scale_))
    return graph.add("Add", scaled, graph.constant(scaler.min_))


def _maxabs(graph: Graph, x: str, scaler: Any) -> str:
    return graph.add("Div", x, graph.constant(scaler.scale_))


def _normalizer(graph: Graph, x: str, scaler: Any) -> str:
    norm = graph.add("Sqrt", graph.sum(graph.add("Mul", x, x), 1))
    zero = graph.add("Equal", norm, graph.constant(0.0))
    return graph.add("Div", x, graph.add("Where", zero, graph.constant(1.0), norm))


def _power(graph: Graph, x: str, scaler: Any) -> str:
    """Yeo and Johnson's (2000) transform, then standardised."""
    lambdas = scaler.lambdas_
    above = graph.add("Max", x, graph.constant(0.0))
    below = graph.add("Neg", graph.add("Min", x, graph.constant(0.0)))
    parts = []
    for side, own, sign in ((above, lambdas, 1.0), (below, 2 - lambdas, -1.0)):
        one = graph.add("Add", side, graph.constant(1.0))
        flat = np.abs(own) < np.spacing(1.0)
        safe = np.where(flat, 1.0, own)
        power = graph.add("Pow", one, graph.constant(safe))
        curved = graph.add(
            "Div", graph.add("Sub", power, graph.constant(1.0)), graph.constant(sign * safe)
        )
        logs = graph.add("Mul", graph.add("Log", one), graph.constant(sign))
        parts.append(graph.add("Where", graph.constant(flat, bool), logs, curved))
    positive = graph.add("GreaterOrEqual", x, graph.constant(0.0))
    bent = graph.add("Where", positive, *parts)
    # A comparison with NaN is false, and the other side of NaN is NaN.
    return _standard(graph, bent, scaler._scaler)


_SCALED = {
    "standard": _standard,
    "robust": _robust,
    "minmax": _minmax,
    "maxabs": _maxabs,
    "normalizer": _normalizer,
    "powertransformer": _power,
}
