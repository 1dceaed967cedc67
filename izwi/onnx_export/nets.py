"""Nets as nodes, in float as they were trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from izwi.onnx_export.machines import argmax

if TYPE_CHECKING:
    from izwi.onnx_export.graph import Graph
    from izwi.onnx_export.models import Found


def perceptron(graph: Graph, x: str, model: Any) -> Found:
    """A perceptron."""
    x = graph.single(x)
    for module in model.net:
        x = _module(graph, x, module)
    return _decided(graph, graph.double(x), model)


def artefacts(graph: Graph, x: str, model: Any) -> Found:
    """Artefact detection modules."""
    net = model.net
    x = graph.single(x)
    scores = []
    for branch, places in zip(net.branches, net.groups, strict=True):
        own = _sequence(graph, graph.columns(x, places), branch.first)
        own = graph.add("Add", own, _sequence(graph, own, branch.second))
        scores.append(_module(graph, _sequence(graph, own, branch.third), branch.score))
    flat = graph.add("Concat", *scores, axis=1)
    shape = graph.numbers(-1, len(scores), model.outputs)
    stacked = graph.add("Reshape", flat, shape)
    if net.fusion == "avg":
        out = graph.add("ReduceMean", stacked, graph.numbers(1), keepdims=0)
    elif net.fusion == "max":
        out = graph.add("ReduceMax", stacked, graph.numbers(1), keepdims=0)
    elif net.fusion == "weighted":
        weights = net.weights.detach().softmax(dim=0).numpy()[None, :, None]
        weighted = graph.add("Mul", stacked, graph.constant(weights, np.float32))
        out = graph.sum(weighted, 1, keep=False)
    elif net.fusion == "concat":
        out = _module(graph, flat, net.join)
    else:
        gates = graph.add("Reshape", graph.add("Sigmoid", _module(graph, flat, net.gate)), shape)
        out = graph.sum(graph.add("Mul", gates, stacked), 1, keep=False)
    return _decided(graph, graph.double(out), model)


def _decided(graph: Graph, out: str, model: Any) -> Found:
    if model.task == "regression":
        scaled = graph.add("Mul", out, graph.constant(float(model.deviation)))
        return graph.add("Add", scaled, graph.constant(float(model.mean))), None
    if model.values["loss"] in ("bce", "weighted_bce"):
        # log sigmoid(x) = min(x, 0) - log(1 + exp(-|x|)), without an overflow
        shrunk = graph.add("Exp", graph.add("Neg", graph.add("Abs", out)))
        rest = graph.add("Log", graph.add("Add", shrunk, graph.constant(1.0)))
        out = graph.add("Sub", graph.add("Min", out, graph.constant(0.0)), rest)
    p = graph.add("Softmax", out, axis=1)
    threshold = model.values.get("threshold", 0.5)
    if threshold != 0.5 and model.classes == sorted(model.labels):
        second = model.classes.index(model.labels[1])
        above = graph.add("Greater", graph.columns(p, [second]), graph.constant(threshold))
        chosen = [graph.constant([i], np.int64) for i in (second, 1 - second)]
        decision = graph.add("Where", above, *chosen)
        return graph.add("Squeeze", decision, graph.numbers(1)), p
    return argmax(graph, p), p


def _sequence(graph: Graph, x: str, modules: Any) -> str:
    for module in modules:
        x = _module(graph, x, module)
    return x


def _module(graph: Graph, x: str, module: Any) -> str:
    kind = type(module).__name__
    if kind == "Dropout":
        return x
    if kind == "Linear":
        weights = (module.weight.detach().numpy(), module.bias.detach().numpy())
        return graph.add("Gemm", x, *(graph.constant(w, np.float32) for w in weights), transB=1)
    if kind == "LayerNorm":
        weights = (module.weight.detach().numpy(), module.bias.detach().numpy())
        constants = (graph.constant(w, np.float32) for w in weights)
        return graph.add("LayerNormalization", x, *constants, axis=-1, epsilon=module.eps)
    if kind == "LeakyReLU":
        return graph.add("LeakyRelu", x, alpha=float(module.negative_slope))
    return graph.add({"ReLU": "Relu", "GELU": "Gelu"}.get(kind, kind), x)
