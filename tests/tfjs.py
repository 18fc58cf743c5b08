"""TF.js graph models that tests write themselves."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np

DTYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32"}


def attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, list):
        inner = [attribute(one) for one in value]
        return {"list": {kind: [one[kind] for one in inner] for kind in (inner[0] if inner else ())}}
    if isinstance(value, str):
        return {"type": value} if value.startswith("DT_") else {"s": b64encode(value.encode()).decode()}
    return {"i": str(value)} if isinstance(value, int) else {"f": value}


def shape_of(shape: tuple[int, ...]) -> dict[str, Any]:
    return {"dim": [{"size": str(side)} for side in shape]}


class Graph:
    """A TF.js graph in the making: nodes are added inputs first, and `write` reverses them, as any order is allowed."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.constants: dict[str, np.ndarray] = {}

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        attr = {key: attribute(value) for key, value in attributes.items()}
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attr})
        return name

    def placeholder(self, shape: tuple[int, ...], dtype: str = "float32") -> str:
        name = self.node("Placeholder", dtype=DTYPES[dtype])
        self.nodes[-1]["attr"]["shape"] = {"shape": shape_of(shape)}
        return name

    def constant(self, values: Any, dtype: str = "int32") -> str:
        name = self.node("Const")
        self.constants[name] = np.array(values, dtype)
        return name

    def write(self, folder: Path, outputs: dict[str, str], half: bool = False) -> Path:
        entries, stored = [], b""
        for name, array in self.constants.items():
            entry = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
            if half and array.dtype == np.float32:
                entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
                array = array.astype(np.float16)
            entries.append(entry)
            stored += array.tobytes()
        # Two files, cut at any place: constants run on over their borders.
        (folder / "one.bin").write_bytes(stored[:3])
        (folder / "two.bin").write_bytes(stored[3:])
        record = {
            "modelTopology": {"node": self.nodes[::-1]},
            "signature": {"outputs": {name: {"dtype": dtype} for name, dtype in outputs.items()}},
            "weightsManifest": [{"paths": ["one.bin", "two.bin"], "weights": entries}],
        }
        file = folder / "model.json"
        file.write_text(json.dumps(record))
        return file
