"""Tiny seeded language models of transformers, written to folders as the hub's are; nothing is fetched."""

from pathlib import Path
from typing import Any

from tests.vlms import byte_tokenizer

# ChatML, which Qwen is trained on, with tools as Hermes and Qwen 2.5 tell them.
TOOL_TEMPLATE = (
    "{% if tools %}<|im_start|>system\nTools:{% for tool in tools %} {{ tool | tojson }}{% endfor %}<|im_end|>\n"
    "{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "{% for call in message['tool_calls'] or [] %}<tool_call>{{ call['function'] | tojson }}</tool_call>{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_language_model(folder: Path, family: str, template: str | None = TOOL_TEMPLATE, seed: int = 0) -> Path:
    """A tiny "llama" or "qwen2" as a folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    kinds: dict[str, Any] = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen2": (Qwen2Config, Qwen2ForCausalLM)}
    configuration, network = kinds[family]
    torch.manual_seed(seed)
    tokenizer = byte_tokenizer(("<|im_end|>", "<|im_start|>"))
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    made = network(
        configuration(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=32768,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    made.save_pretrained(folder)
    return folder
