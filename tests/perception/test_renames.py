"""What transformers calls otherwise in other versions: each name is tried against a fake that knows only that."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from xad_agent.perception.renames import attention_of, dtype_option, grounded_boxes, takes

BOXES, SCORES = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 9.0, 9.0]]), torch.tensor([0.9, 0.6])


def _result(threshold: float, **labels: Any) -> list[dict[str, Any]]:
    keep = threshold < SCORES
    kept = {name: [v for v, k in zip(value, keep, strict=True) if k] for name, value in labels.items() if value}
    return [{"boxes": BOXES[keep], "scores": SCORES[keep], **dict.fromkeys(labels), **kept}]


class Today:
    """As OWLv2 and OmDet-Turbo are in transformers 5."""

    def post_process_grounded_object_detection(
        self, outputs: Any, threshold: float = 0.1, target_sizes: Any = None, text_labels: Any = None
    ) -> Any:
        assert target_sizes == [(10, 20)]
        return _result(threshold, labels=[1, 0], text_labels=[text_labels[0][1], text_labels[0][0]])


class BoxThreshold:
    """As Grounding DINO's was until 4.50: another name of the threshold, texts as labels."""

    def post_process_grounded_object_detection(
        self, outputs: Any, box_threshold: float = 0.25, target_sizes: Any = None
    ) -> Any:
        return _result(box_threshold, labels=["dog", "screw"])


class Classes:
    """As OmDet-Turbo's was until 4.48."""

    def post_process_grounded_object_detection(
        self,
        outputs: Any,
        classes: Any,
        score_threshold: float = 0.3,
        nms_threshold: float = 0.5,
        target_sizes: Any = None,
    ) -> Any:
        return _result(score_threshold, classes=[classes[0][1], classes[0][0]])


class Numbers:
    """As OWLv2's was until 4.48: another name of the function, numbers as labels, no texts."""

    def post_process_object_detection(self, outputs: Any, threshold: float = 0.1, target_sizes: Any = None) -> Any:
        return _result(threshold, labels=torch.tensor([1, 0]).tolist())


@pytest.mark.parametrize("processor", [Today(), BoxThreshold(), Classes(), Numbers()])
@pytest.mark.parametrize(("threshold", "count"), [(0.5, 2), (0.7, 1), (0.95, 0)])
def test_every_name_of_post_processing_is_known(processor: Any, threshold: float, count: int) -> None:
    boxes, scores, which = grounded_boxes(processor, SimpleNamespace(), ["screw", "dog"], threshold, (10, 20))
    assert which == [1, 0][:count]
    assert torch.equal(boxes, BOXES[:count])
    assert torch.equal(scores, SCORES[:count])


def test_only_what_a_function_knows_is_passed() -> None:
    def today(logits_to_keep: int = 0) -> None: ...
    def before(num_logits_to_keep: int = 0) -> None: ...

    assert takes(today, logits_to_keep=3, use_cache=False) == {"logits_to_keep": 3}
    assert takes(before, logits_to_keep=3) == {}


@pytest.mark.parametrize(("version", "name"), [("4.46.0", "torch_dtype"), ("4.56.0", "dtype"), ("5.24.0", "dtype")])
def test_dtype_by_version(monkeypatch: pytest.MonkeyPatch, version: str, name: str) -> None:
    monkeypatch.setattr("transformers.__version__", version)
    assert dtype_option(torch.float32) == {name: torch.float32}


@pytest.mark.parametrize(
    ("version", "shape"), [("4.46.0", (2, 3, 3)), ("5.0.0", (2, 1, 3, 3)), ("5.24.0", (2, 1, 3, 3))]
)
def test_attention_by_version(monkeypatch: pytest.MonkeyPatch, version: str, shape: tuple[int, ...]) -> None:
    monkeypatch.setattr("transformers.__version__", version)
    assert attention_of(torch.ones(2, 3, 3)).shape == shape
