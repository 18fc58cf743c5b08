"""Language and vision-language models of transformers as chat models: tools by the chat template, drafts by grammar."""

import re
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from pydantic import ConfigDict, Field

from xad_agent.errors import ModelError, XadError, reason
from xad_agent.llm.local import LocalChatModel
from xad_agent.llm.templates import ChatTemplate
from xad_agent.llm.tool_calls import calls_in, read_calls
from xad_agent.perception.checkpoints import find_checkpoint
from xad_agent.perception.device import placement
from xad_agent.perception.pretrained import load_network, load_part, load_processor
from xad_agent.perception.renames import dtype_option

_INSTALL = 'hf: models need xgrammar: pip install "xad-agent[hf]"'
_BITS = re.compile(r"(?P<name>.+?)(\?(?P<bits>[48])bit)?")


class TransformersChatModel(LocalChatModel):
    """A causal language model, or a model of pictures and text, of transformers.

    Attributes:
        network: In evaluation mode, on the devices that accelerate chose.
        template: Its chat template, with the tokenizer or the processor that belongs to it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, ignored_types=(cached_property,))

    network: Any = Field(repr=False)
    template: ChatTemplate = Field(repr=False)

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def _reply(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any]],
        schema: dict[str, Any] | None,
        tokens: int,
        until: float,
    ) -> AIMessage:
        asked, pictures = self.template.render(messages, tools)
        inputs = self._inputs(asked, pictures)
        length = inputs["input_ids"].shape[1]
        written = self._generate_tokens(inputs, schema, min(tokens, self._room(length)), until)
        text = self.template.tokenizer.decode(written)
        usage = {"input_tokens": length, "output_tokens": len(written), "total_tokens": length + len(written)}
        calls = self._calls(asked, text, tools) if tools and schema is None else []
        made = [
            # Mistral's template takes ids of nine letters or digits only.
            {"name": name, "args": given, "id": f"c{len(messages) % 10**6:06}{number % 100:02}"}
            for number, (name, given) in enumerate(calls)
        ]
        content = "" if made else self.template.without_commands(text)
        return AIMessage(content, tool_calls=made, usage_metadata=usage)

    def _room(self, length: int) -> int:
        """How many tokens fit after a prompt."""
        config = self.network.config.get_text_config()
        most = getattr(config, "max_position_embeddings", None) or length + 10**6
        if length >= most:
            raise ModelError(f"{self.spec} takes {most:,} tokens, and the conversation has {length:,}: start a new one")
        return int(most - length)

    def _inputs(self, asked: str, pictures: Sequence[Any]) -> dict[str, Any]:
        try:
            inputs = self.template.encode(asked, pictures)
        except Exception as error:  # processors raise errors of many types
            raise ModelError(f"{self.spec} cannot be shown {len(pictures)} pictures ({reason(error)})") from error
        device, dtype = self.network.device, self.network.dtype
        return {
            name: tensor.to(device, dtype if tensor.is_floating_point() else None) for name, tensor in inputs.items()
        }

    def _generate_tokens(
        self, inputs: dict[str, Any], schema: dict[str, Any] | None, tokens: int, until: float
    ) -> list[int]:
        import torch
        from transformers import GenerationConfig

        own = self.network.generation_config
        stops = own.eos_token_id if own.eos_token_id is not None else self.template.tokenizer.eos_token_id
        # A configuration of its own: that of a checkpoint may sample.
        settings = GenerationConfig(
            do_sample=False,
            max_new_tokens=tokens,
            max_time=max(0.1, until - time.monotonic()),
            eos_token_id=stops,
            pad_token_id=stops[0] if isinstance(stops, list) else stops,
        )
        with torch.inference_mode():
            written = self.network.generate(
                **inputs, generation_config=settings, logits_processor=self._grammar(schema, stops) if schema else None
            )
        return list(written[0, inputs["input_ids"].shape[1] :].tolist())

    def _grammar(self, schema: dict[str, Any], stops: Any) -> list[Any]:
        from xgrammar.contrib.hf import LogitsProcessor

        return [LogitsProcessor(self._compiler.compile_json_schema(schema, any_whitespace=False))]

    @cached_property
    def _compiler(self) -> Any:
        import xgrammar

        words = self.network.get_output_embeddings().weight.shape[0]
        stops = self.network.generation_config.eos_token_id
        told = xgrammar.TokenizerInfo.from_huggingface(
            self.template.tokenizer, vocab_size=words, **({"stop_token_ids": stops} if stops is not None else {})
        )
        return xgrammar.GrammarCompiler(told, max_threads=1)

    def _calls(self, asked: str, text: str, tools: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        """By the tokenizer's own response template where it has one; else by what the forms have in common."""
        tokenizer = self.template.tokenizer
        if getattr(tokenizer, "response_template", None) is None:
            return read_calls(text)
        try:
            return calls_in(tokenizer.parse_response(text, prefix=asked, tools=list(tools)).get("tool_calls"))
        except Exception:  # what a model babbles need not be of its template's form
            return read_calls(text)


def load_transformers(spec: str) -> TransformersChatModel:
    """The chat model in a folder or under a hub's name, "?4bit" or "?8bit" after it for quantised weights.

    Weights are read from .safetensors only, and no code of a checkpoint is run. Device and dtype are accelerate's
    choice (`placement`, `device_map="auto"`).

    Raises:
        XadError: It is not there, is damaged, is no language model, or has no chat template; or xgrammar is missing.
    """
    try:
        import xgrammar  # noqa: F401
    except ImportError as error:
        raise XadError(_INSTALL) from error
    match = _BITS.fullmatch(spec)
    name, bits = (match["name"], match["bits"]) if match else (spec, None)
    checkpoint = find_checkpoint(name)
    if checkpoint.architecture:
        raise XadError(f"hf:{name}: a chat model is a folder or a hub's name, not a file alone", exit_code=2)
    auto, pictures = _kind(checkpoint.path, name)
    if pictures:
        processor = load_processor(checkpoint.path, name)
    else:
        from transformers import AutoTokenizer

        processor = load_part(AutoTokenizer, checkpoint.path, name)
    template = ChatTemplate(processor, f"hf:{name}")
    network, note = _load(auto, checkpoint.path, name, bits)
    return TransformersChatModel(
        spec=f"hf:{spec}",
        network=network,
        template=template,
        calls_tools=template.takes_tools,
        note=note,
        profile={"image_inputs": pictures},
    )


def _kind(folder: Any, name: str) -> tuple[Any, bool]:
    """The `Auto` class that loads it, and whether it takes pictures."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    try:
        kind = AutoConfig.from_pretrained(folder, trust_remote_code=False).model_type
    except Exception as error:  # transformers raises errors of many types
        raise XadError(
            f"hf:{name} has no config.json of a model that transformers knows: give another folder"
        ) from error
    pictures = kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    return (AutoModelForImageTextToText if pictures else AutoModelForCausalLM), pictures


def _load(auto: Any, folder: Any, name: str, bits: str | None) -> tuple[Any, str]:
    """The network and what fell back: quantised where bitsandbytes runs here, else as it is."""
    options = {"device_map": "auto", "use_safetensors": True, **dtype_option(placement()[1])}
    if not bits:
        return load_network(auto, folder, name, "a chat model", **options), ""
    try:
        network = load_network(auto, folder, name, "a chat model", **options, **_quantised(bits))
        _run_once(network)
        return network, ""
    except Exception as error:  # kernels fail in many ways; a damaged checkpoint fails below again
        network = load_network(auto, folder, name, "a chat model", **options)
        return network, f"{bits}-bit weights do not run here ({reason(error)}): loaded as they are"


def _run_once(network: Any) -> None:
    """Some shapes and devices are refused only when a quantised layer is run."""
    import torch

    with torch.inference_mode():
        network(input_ids=torch.zeros((1, 1), dtype=torch.long, device=network.device))


def _quantised(bits: str) -> dict[str, Any]:
    import bitsandbytes  # noqa: F401
    from transformers import BitsAndBytesConfig

    return {
        "quantization_config": BitsAndBytesConfig(
            **{f"load_in_{bits}bit": True}, **({"bnb_4bit_compute_dtype": placement()[1]} if bits == "4" else {})
        )
    }
