"""What transformers calls otherwise in one version than in another, in one place."""

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_BOX_THRESHOLD = ("threshold", "box_threshold", "score_threshold")
_ASKED = ("text_labels", "classes")
_GIVEN = ("text_labels", "labels", "classes")
_POST_PROCESS = ("post_process_grounded_object_detection", "post_process_object_detection")


def takes(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Those of the options that a function knows by name."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in known}


def dtype_option(dtype: "torch.dtype") -> "dict[str, torch.dtype]":
    """The dtype of weights as `from_pretrained` wants it: `dtype` since 4.56, `torch_dtype` before."""
    import transformers
    from packaging.version import Version

    return {"dtype" if Version(transformers.__version__) >= Version("4.56") else "torch_dtype": dtype}


def attention_of(mask: "Tensor") -> "Tensor":
    """Which token attends to which, bool (N, T, T), as transformers' BERT wants it: (N, 1, T, T) since 5."""
    import transformers
    from packaging.version import Version

    return mask[:, None] if Version(transformers.__version__) >= Version("5.0.0.dev0") else mask


def grounded_boxes(
    processor: Any, outputs: Any, texts: Sequence[str], threshold: float, size: tuple[int, int]
) -> "tuple[Tensor, Tensor, list[int]]":
    """What a zero-shot detector found, by its processor's own post-processing.

    Args:
        processor: Of the model that gave `outputs` for one picture.
        outputs: See above.
        texts: What was asked for, none twice.
        threshold: 0 to 1.
        size: Height and width of the picture, px.

    Returns:
        Boxes (N, 4) x0 y0 x1 y1 in px, scores (N,), and which text each box is of.
    """
    function = next(getattr(processor, name) for name in _POST_PROCESS if hasattr(processor, name))
    known = inspect.signature(function).parameters
    named: dict[str, Any] = {next(name for name in _BOX_THRESHOLD if name in known): threshold}
    named |= {name: [list(texts)] for name in _ASKED if name in known}
    result = function(outputs, target_sizes=[size], **named)[0]
    labels = next(result[name] for name in _GIVEN if result.get(name) is not None)
    which = [texts.index(label) if isinstance(label, str) else int(label) for label in labels]
    return result["boxes"], result["scores"], which
