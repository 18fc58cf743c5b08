"""Tiny seeded vision-language models of transformers, written to folders as the hub's are; nothing is fetched."""

from pathlib import Path
from typing import Any

from tests.finders import shake

_WORDS = (
    "yes",
    "no",
    "not",
    "sure",
    "is",
    "it",
    "a",
    "scratch",
    "answer",
    "User",
    "Assistant",
    "user",
    "assistant",
    ":",
)
_COLON_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] | capitalize }}: "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
_LINE_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TEXT = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}


def byte_tokenizer(special: tuple[str, ...]) -> Any:
    """Bytes, a few whole words with and without a space before them, and special tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = dict.fromkeys(sorted(pre_tokenizers.ByteLevel.alphabet()))
    merges = []
    for word in (*_WORDS, *(f"Ġ{word}" for word in _WORDS)):
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens[word[:end]] = None
                merges.append((word[: end - 1], word[end - 1]))
    made = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=special[0], eos_token=special[0], pad_token=special[0], unk_token=special[0]
    )


def write_idefics3(folder: Path) -> Path:
    """A tiny Idefics3, which SmolVLM is of, as a folder; its prompt ends with a colon."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
    )

    special = ("<|end|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>")
    tokenizer = byte_tokenizer(special)
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {"model_type": "llama", **_TEXT, "vocab_size": len(tokenizer), "pad_token_id": 0}
    config = Idefics3Config(
        vision_config={**vision, "image_size": 32, "patch_size": 8},
        text_config=text,
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=0,
    )
    shake(Idefics3ForConditionalGeneration(config)).save_pretrained(folder)
    images = Idefics3ImageProcessor(
        size={"longest_edge": 64}, max_image_size={"longest_edge": 32}, do_image_splitting=True
    )
    Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=_COLON_TEMPLATE).save_pretrained(folder)
    return folder


def write_qwen2_vl(folder: Path) -> Path:
    """A tiny Qwen2-VL as a folder; its prompt ends with a line break."""
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")
    tokenizer = byte_tokenizer((*special, "<|image_pad|>", "<|video_pad|>"))
    number = tokenizer.convert_tokens_to_ids
    config = Qwen2VLConfig(
        text_config={
            **_TEXT,
            "vocab_size": len(tokenizer),
            "rope_scaling": {"type": "mrope", "mrope_section": [2, 1, 1]},
            "bos_token_id": 0,
            "eos_token_id": 0,
        },
        vision_config={
            "depth": 1,
            "embed_dim": 16,
            "hidden_size": 16,
            "num_heads": 2,
            "patch_size": 14,
            "mlp_ratio": 1,
        },
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )
    shake(Qwen2VLForConditionalGeneration(config)).save_pretrained(folder)
    images = Qwen2VLImageProcessor(size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 16})
    Qwen2VLProcessor(images, tokenizer, Qwen2VLVideoProcessor(), chat_template=_LINE_TEMPLATE).save_pretrained(folder)
    return folder


def write_llava(folder: Path) -> Path:
    """A tiny LLaVA as a folder."""
    from transformers import (
        CLIPImageProcessor,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = byte_tokenizer(("<|end|>", "<end_of_utterance>", "<image>"))
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **vision, "image_size": 28, "patch_size": 14},
        text_config={"model_type": "llama", **_TEXT, "vocab_size": len(tokenizer), "pad_token_id": 0},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    shake(LlavaForConditionalGeneration(config)).save_pretrained(folder)
    size = {"height": 28, "width": 28}
    images = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size=size)
    LlavaProcessor(
        images,
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_COLON_TEMPLATE,
    ).save_pretrained(folder)
    return folder
