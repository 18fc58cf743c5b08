"""Grounding DINO as its authors wrote it, run by the package groundingdino-py on today's transformers.

The package wraps BERT in a copy of an old forward pass, which calls what transformers 5 no longer has
(get_extended_attention_mask, get_head_mask). While it builds a model, BERT is replaced by transformers' own, made
without fetching weights that the checkpoint holds anyway, and the tokenizer by one that is given ready numbers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from xad_agent.errors import XadError
from xad_agent.perception.renames import attention_of

if TYPE_CHECKING:
    from torch import Tensor, nn

_CONFIGURATIONS = {"swint": "GroundingDINO_SwinT_OGC", "swinb": "GroundingDINO_SwinB_cfg"}
_FOR_TRAINING = {"use_checkpoint": False, "use_transformer_ckpt": False}
_OPTIONAL = ("label_enc.", "bert.pooler.", "bert.embeddings.position_ids")


def build(
    architecture: str, state: "dict[str, Tensor]", tokenizer: Any, spec: str, changes: Any = None, bert: Any = None
) -> "nn.Module":
    """The package's network with the weights of a checkpoint.

    Args:
        architecture: "swint" or "swinb".
        state: Under the authors' names.
        tokenizer: bert-base-uncased's.
        spec: What to call it in an error.
        changes: To the package's configuration, for smaller ones.
        bert: transformers' configuration of BERT; None for that of bert-base-uncased.

    Raises:
        XadError: The package is not installed, or the weights are of another architecture.
    """
    try:
        settings = vars(import_module(f"groundingdino.config.{_CONFIGURATIONS[architecture]}"))
        models = import_module("groundingdino.models")
    except ImportError as error:
        raise XadError(
            f"{spec} needs the package groundingdino-py ({error}): pip install 'xad-agent[grounding]', "
            f"or ask for {spec.partition(':')[2]}, which is transformers' implementation"
        ) from error
    with _replaced(tokenizer, bert):
        network = models.build_model(SimpleNamespace(**{**settings, **_FOR_TRAINING, **(changes or {})}))
    named = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    try:
        missing, unexpected = network.load_state_dict(named, strict=False)
    except RuntimeError as error:
        raise XadError(f"{spec} is not of the architecture it is said to be: its weights have other shapes") from error
    wrong = [name for name in (*missing, *unexpected) if not name.startswith(_OPTIONAL)]
    if wrong:
        raise XadError(
            f"{spec} is not of the architecture it is said to be: "
            f"{len(wrong)} weights are missing or left over, such as {wrong[0]}"
        )
    return network.eval().requires_grad_(False)


def forward(network: Any) -> "Callable[[dict[str, Tensor], Tensor], tuple[Tensor, Tensor]]":
    """The network as `GroundingDino` calls it."""
    from groundingdino.util.misc import NestedTensor

    def run(prepared: "dict[str, Tensor]", ids: "Tensor") -> "tuple[Tensor, Tensor]":
        import torch

        images = prepared["pixel_values"]
        mask = prepared.get("pixel_mask", torch.ones_like(images[:, 0])).bool()
        outputs = network(NestedTensor(images, ~mask), captions=[ids])
        return outputs["pred_logits"][0, :, : ids.shape[1]], outputs["pred_boxes"][0]

    return run


class _Numbers:
    """Stands for the tokenizer: what the network is asked for is numbers already."""

    def __init__(self, tokenizer: Any):
        self.convert_tokens_to_ids = tokenizer.convert_tokens_to_ids

    def __call__(self, captions: "list[Tensor]", **_: Any) -> Any:
        import torch
        from transformers import BatchEncoding

        (ids,) = captions
        ones, zeros = torch.ones_like(ids), torch.zeros_like(ids)
        return BatchEncoding({"input_ids": ids, "attention_mask": ones, "token_type_ids": zeros})


@contextmanager
def _replaced(tokenizer: Any, bert: Any) -> Iterator[None]:
    from transformers import BertConfig, BertModel

    class Bert(BertModel):
        def forward(self, attention_mask: "Tensor", **inputs: Any) -> Any:
            return super().forward(attention_mask=attention_of(attention_mask), **inputs)

    module = import_module("groundingdino.models.GroundingDINO.groundingdino")
    made = SimpleNamespace(
        get_tokenlizer=lambda _: _Numbers(tokenizer),
        get_pretrained_language_model=lambda _: Bert(bert or BertConfig()),
    )
    own = module.get_tokenlizer, module.BertModelWarper
    module.get_tokenlizer, module.BertModelWarper = made, lambda bert_model: bert_model  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.get_tokenlizer, module.BertModelWarper = own  # type: ignore[attr-defined]
