"""An ONNX graph that is built node by node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

OPSET = 20
ML_OPSET = 3
# Of models: readable by runtimes of 2024 and later.
IR_VERSION = 9
ML = "ai.onnx.ml"


class Graph:
    """Nodes and constants; all numbers are double unless they are cast.

    Args:
        inputs: number of features, the only input, ``features`` of shape (samples, inputs)
    """

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.x = "features"
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._outputs: list[Any] = []
        self._names = 0

    def name(self, kind: str) -> str:
        """A name that is not taken."""
        self._names += 1
        return f"{kind}_{self._names}"

    def constant(self, value: Any, kind: Any = np.float64) -> str:
        """The name of a constant; strings with ``kind=str``."""
        name = self.name("constant")
        values = np.asarray(value, dtype=object if kind is str else kind)
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def numbers(self, *values: int) -> str:
        """The name of a constant vector of whole numbers, such as axes."""
        return self.constant(values, np.int64)

    def add(
        self, operator: str, *inputs: str, domain: str = "", outputs: int = 1, **more: Any
    ) -> Any:
        """Add a node.

        Args:
            operator: of ONNX
            inputs: names
            domain: of the operator
            outputs: their number
            more: attributes

        Returns:
            name of its output, a tuple of several
        """
        names = [self.name(operator.lower()) for _ in range(outputs)]
        self._nodes.append(helper.make_node(operator, inputs, names, domain=domain, **more))
        return names[0] if outputs == 1 else tuple(names)

    def double(self, name: str) -> str:
        """The same as double."""
        return self.add("Cast", name, to=TensorProto.DOUBLE)

    def single(self, name: str) -> str:
        """The same as float."""
        return self.add("Cast", name, to=TensorProto.FLOAT)

    def sum(self, name: str, axis: int, *, keep: bool = True) -> str:
        """Sum over an axis."""
        return self.add("ReduceSum", name, self.numbers(axis), keepdims=int(keep))

    def columns(self, name: str, places: Any) -> str:
        """Some columns of a matrix."""
        return self.add("Gather", name, self.constant(places, np.int64), axis=1)

    def normalised(self, name: str) -> str:
        """Rows divided by their sum."""
        return self.add("Div", name, self.sum(name, 1))

    def output(self, name: str, as_name: str, kind: int, shape: list[Any]) -> None:
        """Make something an output of the model."""
        self._nodes.append(helper.make_node("Identity", [name], [as_name]))
        self._outputs.append(helper.make_tensor_value_info(as_name, kind, shape))

    def model(self, title: str, about: Mapping[str, str]) -> ModelProto:
        """The whole, checked.

        Args:
            title: of the graph
            about: metadata
        """
        shape: list[str | int | None] = ["samples", self.inputs]
        source = helper.make_tensor_value_info("features", TensorProto.DOUBLE, shape)
        made = helper.make_model(
            helper.make_graph(self._nodes, title, [source], self._outputs, self._constants),
            producer_name="izwi",
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)],
            ir_version=IR_VERSION,
        )
        helper.set_model_props(made, dict(about))
        checker.check_model(made)
        return made
