"""An ONNX graph put together operation by operation."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

_OPSET, _IR_VERSION = 18, 8  # no newer than needed: older onnxruntimes take the model too


class OnnxGraph:
    """A graph while it grows; tensors go by their names, which it gives out."""

    def __init__(self) -> None:
        self._constants: dict[str, np.ndarray] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation with one output, whose name is returned; an input "" is left out."""
        return self.add_several(op, 1, *inputs, **attributes)[0]

    def add_several(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add an operation with `count` outputs, whose names are returned."""
        from onnx import helper

        outputs = [f"{op}_{len(self._nodes)}_{place}" for place in range(count)]
        self._nodes.append(helper.make_node(op, inputs, outputs, **attributes))
        return outputs

    def constant(self, values: Any, dtype: str | None = None) -> str:
        """Add a constant; whole numbers are int64 unless `dtype` says otherwise."""
        name = f"constant_{len(self._constants)}"
        self._constants[name] = np.array(values, dtype, order="C")
        return name

    def values(self, tensor: str) -> np.ndarray:
        """The values of a constant; ValueError for a tensor that is computed."""
        if tensor not in self._constants:
            raise ValueError("a constant is needed where the graph computes one")
        return self._constants[tensor]

    def cast(self, tensor: str, dtype: str) -> str:
        """The tensor as another type; floats are cut to whole numbers towards zero."""
        if tensor in self._constants:  # at once: sizes must be known when the shapes of a graph are inferred
            return self.constant(self._constants[tensor], dtype)
        return self.add("Cast", tensor, to=_onnx_type(dtype))

    def add_input(self, name: str, dtype: str, shape: list[int | None]) -> str:
        """Make an input of the graph; a side of None is free."""
        from onnx import helper

        self._inputs.append(helper.make_tensor_value_info(name, _onnx_type(dtype), shape))
        return name

    def add_output(self, name: str, dtype: str, tensor: str) -> None:
        """Make a tensor an output of the graph, under the name given."""
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, _onnx_type(dtype), None))

    def model(self, name: str) -> "onnx.ModelProto":
        """What was added so far, without constants that nothing takes."""
        from onnx import helper, numpy_helper

        used = {tensor for node in self._nodes for tensor in node.input}
        constants = [numpy_helper.from_array(a, name) for name, a in self._constants.items() if name in used]
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def _onnx_type(dtype: str) -> int:
    from onnx import helper

    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
