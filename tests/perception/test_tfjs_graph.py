"""Every operation against a case computed by hand or a plain loop, on graphs that the tests write themselves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tfjs import DTYPES, Graph
from xad_agent import weights
from xad_agent.errors import XadError
from xad_agent.perception.tfjs_graph import load_graph, read_graph


def run(file: Path, *inputs: np.ndarray) -> list[np.ndarray]:
    session = load_graph(file)
    return session.run(None, {about.name: array for about, array in zip(session.get_inputs(), inputs, strict=True)})


def floats(*values: Any) -> np.ndarray:
    return np.array(values, np.float32)


def ints(*values: Any) -> np.ndarray:
    return np.array(values, np.int32)


RESIZE: dict[str, Any] = {"align_corners": False, "half_pixel_centers": False}
ROW = floats([[[0], [12]]])  # one row of two pixels, one channel


def empty(graph: Graph) -> str:
    """Three times 2, sparse with no other value."""
    nothing = graph.constant(np.empty((0, 1)))
    return graph.node("SparseToDense", nothing, graph.constant([3]), graph.constant([]), graph.constant(2))


# What it shows: inputs, the node, the output.
CASES: dict[str, tuple[list[np.ndarray], Callable[..., str], np.ndarray]] = {
    "sum over broadcast sides": (
        [floats([1, 2]), floats([10], [20])],
        lambda g, a, b: g.node("AddV2", a, b),
        floats([11, 12], [21, 22]),
    ),
    "sum by its older name": ([ints(1), ints(2)], lambda g, a, b: g.node("Add", a, b), ints(3)),
    "difference": ([ints(1), ints(5)], lambda g, a, b: g.node("Sub", a, b), ints(-4)),
    "product": ([ints(3), ints(5)], lambda g, a, b: g.node("Mul", a, b), ints(15)),
    "quotient": ([floats(3), floats(2)], lambda g, a, b: g.node("RealDiv", a, b), floats(1.5)),
    "whole quotients are rounded down, below zero too": (
        [ints(7, -7, 7, -7, 6), ints(2, 2, -2, -2, -3)],
        lambda g, a, b: g.node("FloorDiv", a, b),
        ints(3, -4, -4, 3, -2),
    ),
    "squared difference": (
        [floats(1, 5), floats(4, 3)],
        lambda g, a, b: g.node("SquaredDifference", a, b),
        floats(9, 4),
    ),
    "square root": ([floats(9)], lambda g, a: g.node("Sqrt", a), floats(3)),
    "sigmoid": ([floats(0, np.log(3))], lambda g, a: g.node("Sigmoid", a), floats(0.5, 0.75)),
    "leaky": ([floats(-2, 2)], lambda g, a: g.node("LeakyRelu", a, alpha=0.1), floats(-0.2, 2)),
    "floats are cut to whole numbers towards zero": (
        [floats(2.7, -2.7)],
        lambda g, a: g.node("Cast", a, DstT="DT_INT32"),
        ints(2, -2),
    ),
    "the first of equal maxima": (
        [floats([1, 5, 5], [7, 0, 7])],
        lambda g, a: g.node("ArgMax", a, g.constant(1), output_type="DT_INT32"),
        ints(1, 0),
    ),
    "after another node only": ([floats(1), floats(2)], lambda g, a, b: g.node("Identity", a, f"^{b}"), floats(1)),
    "transposed": ([ints([1, 2, 3])], lambda g, a: g.node("Transpose", a, g.constant([1, 0])), ints([1], [2], [3])),
    "reshaped by a computed shape": (
        [ints(1, 2, 3, 4)],
        lambda g, a: g.node("Reshape", a, g.node("AddV2", g.constant([1, -1]), g.constant([1, 0]))),
        ints([1, 2], [3, 4]),
    ),
    "one more side": ([ints(1, 2)], lambda g, a: g.node("ExpandDims", a, g.constant(-1)), ints([1], [2])),
    "one side of one less": ([ints([[1, 2]])], lambda g, a: g.node("Squeeze", a, squeeze_dims=[1]), ints([1, 2])),
    "no side of one left": ([ints([[1, 2]])], lambda g, a: g.node("Squeeze", a, squeeze_dims=[]), ints(1, 2)),
    "joined": ([ints([1]), ints([2])], lambda g, a, b: g.node("ConcatV2", a, b, g.constant(1)), ints([1, 2])),
    "stacked": ([ints(1, 2), ints(3, 4)], lambda g, a, b: g.node("Pack", a, b, axis=1), ints([1, 3], [2, 4])),
    "unstacked, the second": (
        [ints([1, 2], [3, 4])],
        lambda g, a: g.node("Unpack", a, axis=1, num=2) + ":1",
        ints(2, 4),
    ),
    "unstacked, the only one": ([ints([1, 2])], lambda g, a: g.node("Unpack", a, axis=0, num=1), ints(1, 2)),
    "split by sizes, the second": (
        [ints([1, 2, 3])],
        lambda g, a: g.node("SplitV", a, g.constant([1, 2]), g.constant(1), num_split=2) + ":1",
        ints([2, 3]),
    ),
    "gathered by places": (
        [ints([1, 2], [3, 4]), ints([0, 1], [1, 0])],
        lambda g, a, b: g.node("GatherNd", a, b),
        ints(2, 3),
    ),
    "sparse": (
        [ints(5, 6)],
        lambda g, a: g.node("SparseToDense", g.constant([[2], [0]]), g.constant([4]), a, g.constant(-1)),
        ints(6, -1, 5, -1),
    ),
    "sparse, with nothing in it": (
        [ints(5)],
        lambda g, a: g.node("AddV2", a, empty(g)),
        ints(7, 7, 7),
    ),
    "zeros around, after and before told apart": (
        [ints([1, 2])],
        lambda g, a: g.node("Pad", a, g.constant([[0, 1], [2, 0]])),
        ints([0, 0, 1, 2], [0, 0, 0, 0]),
    ),
    "another value around": (
        [floats(1)],
        lambda g, a: g.node("PadV2", a, g.constant([[1, 1]]), g.constant(-np.inf, "float32")),
        floats(-np.inf, 1, -np.inf),
    ),
    "enlarged, pixels having centres": (
        [ROW],
        lambda g, a: g.node("ResizeBilinear", a, g.constant([1, 4]), **RESIZE | {"half_pixel_centers": True}),
        floats([[[0], [3], [9], [12]]]),
    ),
    "enlarged, corners kept": (
        [ROW],
        lambda g, a: g.node("ResizeBilinear", a, g.constant([1, 4]), **RESIZE | {"align_corners": True}),
        floats([[[0], [4], [8], [12]]]),
    ),
    "enlarged, pixels being points": (
        [ROW],
        lambda g, a: g.node("ResizeBilinear", a, g.constant([1, 4]), **RESIZE),
        floats([[[0], [6], [12], [12]]]),
    ),
    "largest of a window, the picture's end not counting": (
        [-floats([[[1], [2], [3]], [[4], [5], [6]], [[7], [8], [9]]])],
        lambda g, a: g.node("MaxPool", a, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME", data_format="NHWC"),
        -floats([[[1], [3]], [[7], [9]]]),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_operation(case: str, tmp_path: Path) -> None:
    inputs, build, expected = CASES[case]
    graph = Graph()
    node = build(graph, *(graph.placeholder(array.shape, str(array.dtype)) for array in inputs))
    (found,) = run(graph.write(tmp_path, {node: DTYPES[str(expected.dtype)]}), *inputs)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def convolved(x: np.ndarray, kernel: np.ndarray, stride: int, dilation: int, same: bool, depthwise: bool) -> np.ndarray:
    """A convolution by TensorFlow's definition, pixel by pixel; `same` puts the odd row of zeros after."""
    _, height, width, channels = x.shape
    reach = (kernel.shape[0] - 1) * dilation + 1
    rows, columns = (-(-(side if same else side - reach + 1) // stride) for side in (height, width))
    above, left = (
        max((n - 1) * stride + reach - side, 0) // 2 * same for n, side in ((rows, height), (columns, width))
    )
    padded = np.zeros((height + 2 * reach, width + 2 * reach, channels))
    padded[above : above + height, left : left + width] = x[0]
    out = np.empty((1, rows, columns, kernel.shape[3] * (channels if depthwise else 1)))
    for row in range(rows):
        for column in range(columns):
            y, z = row * stride, column * stride
            window = padded[y : y + reach : dilation, z : z + reach : dilation]
            products = window[..., None] * kernel
            out[0, row, column] = products.sum((0, 1)).ravel() if depthwise else products.sum((0, 1, 2))
    return out


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize(
    ("same", "side", "stride", "dilation"),
    [(True, 7, 1, 1), (True, 7, 2, 1), (True, 8, 2, 1), (False, 7, 1, 1), (False, 8, 2, 1), (False, 9, 1, 2)],
)
def test_convolution(tmp_path: Path, same: bool, side: int, stride: int, dilation: int, depthwise: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, side, side - 1, 3)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 3, 2)).astype(np.float32)
    graph = Graph()
    node = graph.node(
        "DepthwiseConv2dNative" if depthwise else "Conv2D",
        graph.placeholder(x.shape),
        graph.constant(kernel, "float32"),
        strides=[1, stride, stride, 1],
        dilations=[1, dilation, dilation, 1],
        padding="SAME" if same else "VALID",
        data_format="NHWC",
    )
    (found,) = run(graph.write(tmp_path, {node: "DT_FLOAT"}), x)
    np.testing.assert_allclose(found, convolved(x, kernel, stride, dilation, same, depthwise), atol=1e-4)


@pytest.mark.parametrize(
    ("fused", "expected"),
    [(["BiasAdd"], [-1, 9]), (["BiasAdd", "Relu"], [0, 9]), (["BiasAdd", "Relu6"], [0, 6])],
)
@pytest.mark.parametrize("op", ["_FusedConv2D", "FusedDepthwiseConv2dNative"])
def test_convolution_that_took_in_what_follows(
    tmp_path: Path, op: str, fused: list[str], expected: list[float]
) -> None:
    (found,) = run(fused_convolution(tmp_path, op, fused), floats([[[2]]]))
    np.testing.assert_allclose(found.ravel(), expected)


def fused_convolution(folder: Path, op: str, fused: list[str], **other: Any) -> Path:
    """Times 1 and 4, plus -3 and 1."""
    graph = Graph()
    inputs = [
        graph.placeholder((1, 1, 1, 1)),
        graph.constant([[[[1, 4]]]], "float32"),
        graph.constant([-3, 1], "float32"),
    ]
    window = {"strides": [1, 1, 1, 1], "dilations": [1, 1, 1, 1], "padding": "VALID", "data_format": "NHWC"}
    return graph.write(folder, {graph.node(op, *inputs, fused_ops=fused, **window | other): "DT_FLOAT"})


def test_constants_in_half_precision(tmp_path: Path) -> None:
    graph = Graph()
    node = graph.node("Mul", graph.placeholder((2,)), graph.constant([0.1, 3], "float32"))
    (found,) = run(graph.write(tmp_path, {node: "DT_FLOAT"}, half=True), floats(1, 1))
    np.testing.assert_array_equal(found, np.array([0.1, 3], np.float16).astype(np.float32))


def test_outputs_are_named_as_in_the_signature_and_a_free_side_stays_free(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.placeholder((-1, 2))
    parts = graph.node("Unpack", x, axis=1, num=2)
    session = load_graph(graph.write(tmp_path, {f"{parts}:1": "DT_FLOAT", f"{parts}:0": "DT_FLOAT"}))
    assert [output.name for output in session.get_outputs()] == [f"{parts}:1", f"{parts}:0"]
    for count in (1, 3):
        assert session.run([f"{parts}:0"], {x: np.ones((count, 2), np.float32)})[0].shape == (count,)


def test_constants_that_were_taken_over_are_not_stored_twice(tmp_path: Path) -> None:
    model = read_graph(fused_convolution(tmp_path, "_FusedConv2D", ["BiasAdd"]))
    assert len(model.graph.initializer) == 2


def small(folder: Path) -> Path:
    graph = Graph()
    node = graph.node("Mul", graph.placeholder((2,)), graph.constant([1, 2], "float32"))
    return graph.write(folder, {node: "DT_FLOAT"})


def changed(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Damage done to the JSON: `change` gets the node of the product, and the manifest's only group."""

    def damage(file: Path) -> None:
        record = json.loads(file.read_text())
        change(record["modelTopology"]["node"][0], record["weightsManifest"][0])
        file.write_text(json.dumps(record))

    return damage


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda file: file.unlink(), "cannot read .*model.json"),
        (lambda file: file.with_name("two.bin").unlink(), "cannot read .*two.bin"),
        (lambda file: file.write_bytes(file.read_bytes()[:-40]), "is damaged"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "is damaged"),
        (lambda file: file.write_text("[]"), "is damaged"),
        (lambda file: file.with_name("two.bin").write_bytes(b"1234"), "is damaged"),
        (lambda file: file.with_name("two.bin").write_bytes(b"123456"), "take 8 bytes, and 9 are stored"),
        (changed(lambda node, group: node["input"].append("gone")), "is damaged"),
        (changed(lambda node, group: node["input"].append(node["name"])), "is damaged"),
        (
            changed(lambda node, group: node.update(op="FusedMystery")),
            "not translated: FusedMystery; take another model",
        ),
        (changed(lambda node, group: node.update(op="Sqrt")), "is damaged"),
        (changed(lambda node, group: group.update(paths=["../two.bin"])), "is damaged"),
        (changed(lambda node, group: group["weights"][0].update(quantization={"dtype": "uint8"})), "stored as uint8"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, damage: Callable[[Path], Any], says: str) -> None:
    file = small(tmp_path)
    damage(file)
    with pytest.raises(XadError, match=says) as caught:
        load_graph(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fused", "other"),
    [
        (["Relu"], {}),  # a bias is given that nothing adds
        (["BiasAdd", "Elu"], {}),
        (["BiasAdd"], {"padding": "EXPLICIT"}),
        (["BiasAdd"], {"padding": "SAME", "dilations": [1, 2, 2, 1]}),
        (["BiasAdd"], {"data_format": "NCHW"}),
    ],
)
def test_what_would_be_computed_wrongly_is_refused(tmp_path: Path, fused: list[str], other: dict[str, Any]) -> None:
    with pytest.raises(XadError, match="is damaged"):
        read_graph(fused_convolution(tmp_path, "_FusedConv2D", fused, **other))


@pytest.mark.data
def test_nanodet_computes_what_another_runner_does() -> None:
    """Means, spreads and first values of some cell were recorded with a runner of TF.js graphs in torch."""
    pixels = (np.arange(3 * 416 * 416) * 7919 % 401 / 100 - 2).astype(np.float32).reshape(1, 3, 416, 416)
    session = load_graph(weights.path("nanodet") / "nanodet.json")
    names = ["Identity:0", "Identity_1:0", "Identity_2:0", "Identity_3:0", "Identity_4:0", "Identity_5:0"]
    recorded = [
        [0.0015526, 0.0017282, 0.0032376],
        [0.0047929, 0.0040520, 0.0055302],
        [0.0079040, 0.0166165, 0.0094610],
        [-0.0000065, 1.2582088, -0.2376333],
        [-0.0000157, 0.8937776, -0.7929333],
        [-0.0000369, 1.4956090, -0.4450105],
    ]
    found = [[y.mean(), y.std(), y[0, 100, 0]] for y in session.run(names, {"input_1": pixels})]
    np.testing.assert_allclose(found, recorded, atol=2e-5)


@pytest.mark.data
def test_movenet_computes_what_another_runner_does() -> None:
    """Three joints were recorded with a runner of TF.js graphs in torch."""
    pixels = (np.arange(192 * 192 * 3) // 97 * 31 % 256).astype(np.int32).reshape(1, 192, 192, 3)
    session = load_graph(weights.path("movenet") / "movenet-lightning.json")
    (found,) = session.run(None, {"input": pixels})
    recorded = [[0.9792985, 0.6223165, 0.3931876], [0.5405026, 0.5324941, 0.0280032], [0.7932476, 0.2013106, 0.0991466]]
    np.testing.assert_allclose(found[0, 0, [0, 12, 16]], recorded, atol=2e-5)
