"""TF.js graph models (a model's .json with its .bin) as ONNX models, operation by operation, run by onnxruntime.

The format is tfjs-converter's: TensorFlow's GraphDef as JSON, and a manifest of the constants in the .bin. The
translation takes a tenth of a second, so it is made at each start and no stored copy can be out of date.
"""

import json
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xad_agent.errors import XadError
from xad_agent.perception.onnx_graph import OnnxGraph
from xad_agent.perception.tfjs_operations import OPERATIONS, TYPES, Node

if TYPE_CHECKING:
    import onnx
    import onnxruntime


def load_graph(file: Path) -> "onnxruntime.InferenceSession":
    """The model ready to run on the CPU, on one thread, so that looks at several pictures can run side by side.

    Raises:
        XadError: As `read_graph`, or the operations of the graph do not fit together.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # its warnings are about optimisations left out
    model = read_graph(file).SerializeToString()
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no type of their own in common
        raise _damaged(file, error) from error


def read_graph(file: Path) -> "onnx.ModelProto":
    """A TF.js graph model as an ONNX model, its inputs and outputs named as in the signature.

    Args:
        file: The .json; the .bin files that it names lie beside it. Constants are stored whole or in half precision.

    Raises:
        XadError: A file is missing or damaged, or the graph has an operation that is not translated.
    """
    try:
        model = json.loads(file.read_text(encoding="utf-8"))
        constants = dict(_constants(file, model["weightsManifest"]))
        nodes = _in_order(model["modelTopology"]["node"])
        outputs = {name: TYPES[about["dtype"]] for name, about in model["signature"]["outputs"].items()}
        if unknown := sorted({node.op for node in nodes} - {*OPERATIONS, "Const", "Placeholder"}):
            raise XadError(f"{file} has operations that are not translated: {', '.join(unknown)}; take another model")
        return _translated(nodes, constants, outputs).model(file.stem)
    except XadError:
        raise
    except OSError as error:
        raise XadError(f"cannot read {error.filename} ({error.strerror}): pull or copy the model again") from error
    except Exception as error:  # damaged JSON leads to errors of many types
        raise _damaged(file, error) from error


def _translated(nodes: list[Node], constants: dict[str, np.ndarray], outputs: dict[str, str]) -> OnnxGraph:
    graph = OnnxGraph()
    tensors: dict[str, list[str]] = {}  # of each node

    def tensor(name: str) -> str:
        node, place = _split(name)
        return tensors[node][place]

    for node in nodes:
        if node.op == "Const":
            made: str | list[str] = graph.constant(constants[node.name])
        elif node.op == "Placeholder":
            made = graph.add_input(node.name, node["dtype"], node["shape"])
        else:
            made = OPERATIONS[node.op](graph, node, *map(tensor, node.inputs))
        tensors[node.name] = [made] if isinstance(made, str) else made
    for name, dtype in outputs.items():
        graph.add_output(name, dtype, tensor(name))
    return graph


def _in_order(records: list[dict[str, Any]]) -> list[Node]:
    """The nodes, each after those whose outputs it takes."""
    nodes = {}
    for record in records:
        inputs = tuple(name for name in record.get("input", []) if not name.startswith("^"))  # ^: only "after this one"
        nodes[record["name"]] = Node(record["name"], record["op"], inputs, record.get("attr", {}))
    needs = {node.name: [_split(name)[0] for name in node.inputs] for node in nodes.values()}
    return [nodes[name] for name in TopologicalSorter(needs).static_order()]


def _split(name: str) -> tuple[str, int]:
    """The node and the place among its outputs that "node:1", or "node" for the first, stands for."""
    node, _, place = name.partition(":")
    return node, int(place or 0)


def _constants(file: Path, manifest: list[dict[str, Any]]) -> Iterator[tuple[str, np.ndarray]]:
    """Each constant by the name of its node, read from the .bin files beside `file`."""
    for group in manifest:
        stored = b"".join(file.with_name(name).read_bytes() for name in group["paths"])
        at = 0
        for entry in group["weights"]:
            coded = entry.get("quantization", entry)["dtype"]
            if coded not in (entry["dtype"], "float16"):
                raise ValueError(f"the constant {entry['name']} is stored as {coded}, which is not read")
            values = np.frombuffer(stored, np.dtype(coded), int(np.prod(entry["shape"])), at)
            at += values.nbytes
            yield entry["name"], values.reshape(entry["shape"]).astype(entry["dtype"])
        if at != len(stored):
            raise ValueError(f"the constants take {at} bytes, and {len(stored)} are stored")


def _damaged(file: Path, error: Exception) -> XadError:
    reason = f"{type(error).__name__}: {error}"[:200]
    return XadError(f"{file} is damaged, or no TF.js graph model ({reason}): pull or copy it again")
