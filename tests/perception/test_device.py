"""Where bfloat16 is taken for quicker."""

import pytest
import torch

from xad_agent.perception import device


@pytest.mark.parametrize(
    ("kind", "dtype", "amx", "avx512_bf16", "expected"),
    [
        ("cpu", torch.float32, True, True, True),
        ("cpu", torch.float32, False, True, True),
        ("cpu", torch.float32, False, False, False),
        ("cuda", torch.bfloat16, False, False, True),
        ("cuda", torch.float32, True, True, False),
    ],
)
def test_bfloat16_is_quicker_where_there_are_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, kind: str, dtype: torch.dtype, amx: bool, avx512_bf16: bool, expected: bool
) -> None:
    monkeypatch.setattr(device, "placement", lambda: (torch.device(kind), dtype))
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    assert device.quick_bfloat16() is expected
