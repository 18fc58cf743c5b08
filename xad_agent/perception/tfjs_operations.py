"""TensorFlow's operations in ONNX's: what `tfjs_graph` translates, each with what differs between the two.

TensorFlow keeps channels last and ONNX first, so a convolution stands between two transpositions; onnxruntime removes
them again.
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from xad_agent.perception.onnx_graph import OnnxGraph

TYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32"}
_PADDINGS = {"SAME": "SAME_UPPER", "VALID": "NOTSET"}  # onnxruntime fuses a Pad into a NOTSET convolution only
_READERS: dict[str, Callable[[Any], Any]] = {
    "i": int,
    "f": float,
    "b": bool,
    "s": lambda text: b64decode(text).decode(),
    "type": TYPES.__getitem__,
    "shape": lambda shape: [_side(dim) for dim in shape["dim"]],
    "list": lambda lists: [_READERS[kind](value) for kind, values in lists.items() for value in values],
}


@dataclass(frozen=True)
class Node:
    """One operation of a TF.js graph; `node["strides"]` is an attribute as a Python value."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        ((kind, value),) = self.attributes[name].items()
        return _READERS[kind](value)


def _side(dim: dict[str, str]) -> int | None:
    size = int(dim["size"])
    return size if size >= 0 else None


def _convolution(graph: OnnxGraph, node: Node, x: str, kernel: str, *bias: str) -> str:
    """Any 2-D convolution, with the bias and activation that it may have taken in."""
    fused = node["fused_ops"] if "fused_ops" in node.attributes else []
    if fused[:1] != ["BiasAdd"] * len(bias) or len(fused) > 2:
        raise ValueError(f"it takes in {fused}, which is not read")
    if node["padding"] == "SAME" and set(node["dilations"]) != {1}:
        raise ValueError("it is dilated and padded, which onnxruntime cannot do")
    weights, groups = graph.values(kernel), 1
    if "Depthwise" in node.op:
        height, width, groups, multiplier = weights.shape
        weights = weights.reshape(height, width, 1, groups * multiplier)
    weight = graph.constant(weights.transpose(3, 2, 0, 1))
    window = _window(node, strides="strides", dilations="dilations")
    y = graph.add("Conv", _channels_first(graph, x), weight, *bias, group=groups, **window)
    for activation in fused[1:]:
        op, limits = _ACTIVATIONS[activation]
        y = graph.add(op, y, *(graph.constant(limit, "float32") for limit in limits))
    return _channels_last(graph, y)


def _channels_first(graph: OnnxGraph, tensor: str) -> str:
    return graph.add("Transpose", tensor, perm=[0, 3, 1, 2])


def _channels_last(graph: OnnxGraph, tensor: str) -> str:
    return graph.add("Transpose", tensor, perm=[0, 2, 3, 1])


def _max_pool(graph: OnnxGraph, node: Node, x: str) -> str:
    window = _window(node, kernel_shape="ksize", strides="strides")
    return _channels_last(graph, graph.add("MaxPool", _channels_first(graph, x), **window))


def _window(node: Node, **names: str) -> dict[str, Any]:
    """ONNX attributes of a sliding window: TensorFlow gives four numbers each, for (N, H, W, C)."""
    if node["data_format"] != "NHWC":
        raise ValueError(f"its data are in the order {node['data_format']}, which is not read")
    return {"auto_pad": _PADDINGS[node["padding"]]} | {name: node[its][1:3] for name, its in names.items()}


def _resize(graph: OnnxGraph, node: Node, x: str, size: str) -> str:
    where = {(True, False): "align_corners", (False, True): "half_pixel", (False, False): "asymmetric"}
    mode = where[node["align_corners"], node["half_pixel_centers"]]
    image = _channels_first(graph, x)
    # The `axes` of Resize would save this, but onnxruntime takes a transposition through it wrongly then.
    sizes = graph.add("Concat", graph.add("Shape", image, end=2), graph.cast(size, "int64"), axis=0)
    y = graph.add("Resize", image, "", "", sizes, mode="linear", coordinate_transformation_mode=mode)
    return _channels_last(graph, y)


def _pad(graph: OnnxGraph, node: Node, x: str, margins: str, *value: str) -> str:
    # TensorFlow pairs before and after of each side; ONNX lists all befores, then all afters.
    return graph.add("Pad", x, graph.constant(graph.values(margins).T.ravel(), "int64"), *value)


def _concat(graph: OnnxGraph, node: Node, *parts_and_axis: str) -> str:
    *parts, axis = parts_and_axis
    return graph.add("Concat", *parts, axis=int(graph.values(axis)))


def _split_sizes(graph: OnnxGraph, node: Node, x: str, sizes: str, axis: str) -> list[str]:
    return graph.add_several("Split", node["num_split"], x, graph.cast(sizes, "int64"), axis=int(graph.values(axis)))


def _pack(graph: OnnxGraph, node: Node, *parts: str) -> str:
    axis = node["axis"]
    return graph.add("Concat", *(graph.add("Unsqueeze", x, graph.constant([axis])) for x in parts), axis=axis)


def _unpack(graph: OnnxGraph, node: Node, x: str) -> list[str]:
    axis, count = node["axis"], node["num"]
    parts = graph.add_several("Split", count, x, axis=axis, num_outputs=count)
    return [graph.add("Squeeze", part, graph.constant([axis])) for part in parts]


def _expand_dims(graph: OnnxGraph, node: Node, x: str, axis: str) -> str:
    return graph.add("Unsqueeze", x, graph.constant(graph.values(axis).ravel(), "int64"))


def _squeeze(graph: OnnxGraph, node: Node, x: str) -> str:
    axes = node["squeeze_dims"]
    return graph.add("Squeeze", x, *([graph.constant(axes)] if axes else []))


def _reshape(graph: OnnxGraph, node: Node, x: str, shape: str) -> str:
    return graph.add("Reshape", x, graph.cast(shape, "int64"), allowzero=1)


def _transpose(graph: OnnxGraph, node: Node, x: str, order: str) -> str:
    return graph.add("Transpose", x, perm=graph.values(order).tolist())


def _cast(graph: OnnxGraph, node: Node, x: str) -> str:
    return graph.cast(x, node["DstT"])


def _arg_max(graph: OnnxGraph, node: Node, x: str, axis: str) -> str:
    y = graph.add("ArgMax", x, axis=int(graph.values(axis)), keepdims=0)
    return graph.cast(y, node["output_type"])


def _floor_div(graph: OnnxGraph, node: Node, x: str, y: str) -> str:
    # ONNX's division of whole numbers rounds towards zero; without the remainder nothing is rounded.
    return graph.add("Div", graph.add("Sub", x, graph.add("Mod", x, y)), y)


def _squared_difference(graph: OnnxGraph, node: Node, x: str, y: str) -> str:
    difference = graph.add("Sub", x, y)
    return graph.add("Mul", difference, difference)


def _leaky_relu(graph: OnnxGraph, node: Node, x: str) -> str:
    return graph.add("LeakyRelu", x, alpha=node["alpha"])


def _gather_nd(graph: OnnxGraph, node: Node, x: str, places: str) -> str:
    return graph.add("GatherND", x, graph.cast(places, "int64"))


def _sparse_to_dense(graph: OnnxGraph, node: Node, places: str, shape: str, values: str, default: str) -> str:
    everywhere = graph.add("Expand", default, graph.cast(shape, "int64"))
    rows = graph.values(places).reshape(-1, graph.values(shape).size)
    return graph.add("ScatterND", everywhere, graph.constant(rows, "int64"), values)


def _renamed(op: str, graph: OnnxGraph, node: Node, *inputs: str) -> str:
    return graph.add(op, *inputs)


_ACTIVATIONS: dict[str, tuple[str, tuple[int, ...]]] = {"Relu": ("Relu", ()), "Relu6": ("Clip", (0, 6))}
_SAME = {
    "Add": "Add",
    "AddV2": "Add",
    "Identity": "Identity",
    "Mul": "Mul",
    "RealDiv": "Div",
    "Sigmoid": "Sigmoid",
    "Sqrt": "Sqrt",
    "Sub": "Sub",
}
OPERATIONS: dict[str, Callable[..., str | list[str]]] = {
    **{op: partial(_renamed, onnx_op) for op, onnx_op in _SAME.items()},
    "ArgMax": _arg_max,
    "Cast": _cast,
    "ConcatV2": _concat,
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _convolution,
    "ExpandDims": _expand_dims,
    "FloorDiv": _floor_div,
    "FusedDepthwiseConv2dNative": _convolution,
    "GatherNd": _gather_nd,
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "Pack": _pack,
    "Pad": _pad,
    "PadV2": _pad,
    "Reshape": _reshape,
    "ResizeBilinear": _resize,
    "SparseToDense": _sparse_to_dense,
    "SplitV": _split_sizes,
    "SquaredDifference": _squared_difference,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unpack": _unpack,
    "_FusedConv2D": _convolution,
}
