"""Tiny seeded models of transformers that find things, written to folders as the hub's are; nothing is fetched."""

import re
from pathlib import Path
from typing import Any

import torch

WORDS = (
    "a",
    "red",
    "dog",
    "screw",
    "nut",
    "##s",
    "scratch",
    "hex",
    "-",
    "3",
    "5",
    "mm",
    ",",
    "detect",
    "sep",
    "[",
    "]",
)
LETTERS = tuple("äöüдобр")


def bert_words(size: int = 1100) -> list[str]:
    """A vocabulary with BERT's numbers for what the networks know by number, and a few words."""
    words = [f"[unused{number}]" for number in range(size)]
    for token, number in {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}.items():
        words[number] = token
    for number, word in enumerate((*WORDS, *LETTERS)):
        words[200 + number] = word
    return words


def write_vocabulary(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(bert_words()), encoding="utf-8")


def bert_tokenizer(folder: Path) -> Any:
    from xad_agent.perception.grounding_dino import _tokenizer

    write_vocabulary(folder)
    return _tokenizer(folder)


def clip_tokenizer(longest: int) -> Any:
    """Bytes and an end of word, as CLIP's without any merges."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*alphabet, *(f"{c}</w>" for c in alphabet)])}
    start, end = len(vocabulary), len(vocabulary) + 1
    vocabulary |= {"<|startoftext|>": start, "<|endoftext|>": end}
    made = Tokenizer(models.BPE(vocabulary, [], end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", start), ("<|endoftext|>", end)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        unk_token="<|endoftext|>",
        model_max_length=longest,
    )


def grounding_config(window: int = 32) -> Any:
    from transformers import BertConfig, GroundingDinoConfig, SwinConfig

    swin = SwinConfig(
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )
    bert = BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=len(bert_words())
    )
    return GroundingDinoConfig(
        backbone_config=swin,
        text_config=bert,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_queries=10,
        max_text_len=window,
    )


def shake(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Seeded weights of a size that makes every part of the network matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(network.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            if weight.ndim > 1:
                weight.copy_(noise / weight[0].numel() ** 0.5)
            else:
                weight.copy_(0.1 * noise + (1.0 if name.endswith("weight") else 0.0))
    return network.eval()


def grounding_image_processor() -> Any:
    from transformers import GroundingDinoImageProcessor

    return GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 192})


def write_grounding(folder: Path, window: int = 32) -> Path:
    """A tiny Grounding DINO as a folder."""
    from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor

    tokenizer = bert_tokenizer(folder / "words")
    shake(GroundingDinoForObjectDetection(grounding_config(window))).save_pretrained(folder)
    GroundingDinoProcessor(grounding_image_processor(), tokenizer).save_pretrained(folder)
    return folder


def write_owlv2(folder: Path) -> Path:
    """A tiny OWLv2 as a folder; its text window is 16 tokens, as of the trained ones."""
    from transformers import Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessor, Owlv2Processor

    tokenizer = clip_tokenizer(16)
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {"vocab_size": len(tokenizer), "max_position_embeddings": 16, "pad_token_id": 0}
    text |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = Owlv2Config(
        text_config={**size, **text}, vision_config={**size, "image_size": 64, "patch_size": 16}, projection_dim=16
    )
    shake(Owlv2ForObjectDetection(config)).save_pretrained(folder)
    Owlv2Processor(Owlv2ImageProcessor(size={"height": 64, "width": 64}), tokenizer).save_pretrained(folder)
    return folder


def write_omdet(folder: Path) -> Path:
    """A tiny OmDet-Turbo as a folder."""
    from transformers import (
        CLIPTextConfig,
        DetrImageProcessor,
        OmDetTurboConfig,
        OmDetTurboForObjectDetection,
        OmDetTurboProcessor,
        SwinConfig,
    )

    tokenizer = clip_tokenizer(77)
    text = CLIPTextConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=16,
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=0,
    )
    swin = SwinConfig(
        image_size=64,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )
    config = OmDetTurboConfig(
        text_config=text,
        backbone_config=swin,
        use_timm_backbone=False,
        apply_layernorm_after_vision_backbone=False,
        image_size=64,
        text_projection_in_dim=16,
        text_projection_out_dim=16,
        class_embed_dim=16,
        task_encoder_hidden_dim=16,
        num_queries=10,
        encoder_hidden_dim=32,
        vision_features_channels=[32, 32, 32],
        encoder_in_channels=[16, 32, 64],
        encoder_attention_heads=2,
        encoder_dim_feedforward=16,
        decoder_hidden_dim=32,
        decoder_num_heads=2,
        decoder_num_layers=2,
        decoder_dim_feedforward=16,
    )
    shake(OmDetTurboForObjectDetection(config)).save_pretrained(folder)
    size = {"height": 64, "width": 64}
    OmDetTurboProcessor(DetrImageProcessor(size=size, do_pad=False), tokenizer).save_pretrained(folder)
    return folder


def write_detector(folder: Path, labels: tuple[str, ...] = ("Dog", "N/A", "Red Screw")) -> Path:
    """A tiny YOLOS as a folder."""
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    config = YolosConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=[64, 64],
        num_detection_tokens=10,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )
    shake(YolosForObjectDetection(config)).save_pretrained(folder)
    YolosImageProcessor(size={"shortest_edge": 64, "longest_edge": 256}).save_pretrained(folder)
    return folder


def authors_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Published weights of transformers' Grounding DINO as the authors' checkpoint would have them."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if ".swin.layernorm." in name:  # transformers has it and never uses it
            continue
        for pattern, replacement in _AUTHORS:
            name = re.sub(pattern, replacement, name)
        found[name] = tensor
    for name in [name for name in found if re.search(r"(in_proj|qkv)_query\.", name)]:
        parts = [found.pop(name.replace("_query.", f"_{part}.")) for part in ("query", "key", "value")]
        separator = "_" if "in_proj" in name else "."
        found[name.replace("_query.", separator)] = torch.cat(parts)
    return found


_AUTHORS = [
    (r"^model\.backbone\.conv_encoder\.model\.(encoder\.)?", "backbone.0."),
    (r"^(backbone.*)embeddings\.patch_embeddings\.projection", r"\1patch_embed.proj"),
    (r"^(backbone.*)embeddings\.norm", r"\1patch_embed.norm"),
    (r"hidden_states_norms\.stage2", "norm1"),
    (r"hidden_states_norms\.stage3", "norm2"),
    (r"hidden_states_norms\.stage4", "norm3"),
    (r"^(backbone.*)attention\.self\.(query|key|value)\.", r"\1attn.qkv_\2."),
    (r"^(backbone.*)attention\.self\.relative", r"\1attn.relative"),
    (r"^(backbone.*)attention\.output\.dense", r"\1attn.proj"),
    (r"^(backbone.*)intermediate\.dense", r"\1mlp.fc1"),
    (r"^(backbone.*)output\.dense", r"\1mlp.fc2"),
    (r"^(backbone.*)layernorm_before", r"\1norm1"),
    (r"^(backbone.*)layernorm_after", r"\1norm2"),
    (r"^model\.text_backbone\.", "bert."),
    (r"^model\.text_projection", "feat_map"),
    (r"^model\.input_proj_vision", "input_proj"),
    (r"^model\.query_position_embeddings", "transformer.tgt_embed"),
    (r"^model\.encoder_output_bbox_embed", "transformer.enc_out_bbox_embed"),
    (r"^model\.encoder\.layers\.(\d+)\.text_enhancer_layer\.", r"transformer.encoder.text_layers.\1."),
    (r"^model\.encoder\.layers\.(\d+)\.fusion_layer\.", r"transformer.encoder.fusion_layers.\1."),
    (r"^model\.encoder\.layers\.(\d+)\.deformable_layer\.", r"transformer.encoder.layers.\1."),
    (r"^model\.decoder\.layer_norm", "transformer.decoder.norm"),
    (r"^model\.decoder\.reference_points_head", "transformer.decoder.ref_point_head"),
    (r"^model\.", "transformer."),
    (r"^(transformer.*text_layers.*self_attn)\.(query|key|value)\.", r"\1.in_proj_\2."),
    (r"^(transformer\.decoder\.layers\.\d+\.self_attn)\.(query|key|value)\.", r"\1.in_proj_\2."),
    (r"encoder_attn_text_layer_norm", "catext_norm"),
    (r"encoder_attn_text\.(query|key|value)\.", r"ca_text.in_proj_\1."),
    (r"encoder_attn_text\.", "ca_text."),
    (r"encoder_attn_layer_norm", "norm1"),
    (r"encoder_attn\.", "cross_attn."),
    (r"^(transformer\.decoder.*)self_attn_layer_norm", r"\1norm2"),
    (r"^(transformer\.decoder.*)final_layer_norm", r"\1norm3"),
    (r"^(transformer\.encoder.*)self_attn_layer_norm", r"\1norm1"),
    (r"^(transformer\.encoder.*)final_layer_norm", r"\1norm2"),
    (r"^(transformer.*)layer_norm_before", r"\1norm1"),
    (r"^(transformer.*)layer_norm_after", r"\1norm2"),
    (r"^(transformer.*)\.fc(\d)", r"\1.linear\2"),
    (r"vision_param", "gamma_v"),
    (r"text_param", "gamma_l"),
    (r"layer_norm_vision", "layer_norm_v"),
    (r"layer_norm_text", "layer_norm_l"),
    (r"(fusion_layers.*attn\..*)vision_proj", r"\1v_proj"),
    (r"(fusion_layers.*attn\..*)text_proj", r"\1l_proj"),
]
