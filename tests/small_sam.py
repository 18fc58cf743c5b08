"""A SAM of transformers small enough for tests, with seeded weights."""

import torch

SMALL = {
    "vision_config": {
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "global_attn_indexes": [1, 3],
        "image_size": 128,
        "window_size": 3,
        "output_channels": 32,
        "num_pos_feats": 16,
    },
    "prompt_encoder_config": {"hidden_size": 32, "image_size": 128},
    "mask_decoder_config": {"hidden_size": 32, "mlp_dim": 48, "num_attention_heads": 4, "iou_head_hidden_dim": 24},
}


def randomised(network: torch.nn.Module, seed: int = 0, gain: float = 1.0) -> torch.nn.Module:
    """Seeded weights under which every one of them matters, and signals neither vanish nor explode."""
    random = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.ndim > 1:
            tensor.normal_(0, gain * (len(tensor) / tensor.numel()) ** 0.5, generator=random)
        elif tensor.is_floating_point():
            tensor.normal_(float(name.endswith(("weight", "var"))), 0.1, generator=random)
    return network.eval()
