"""Where models run, in what precision, by accelerate's rules, and what becomes of the memory they free."""

import ctypes
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h
_NEVER = 2**31 - 1


@cache
def placement() -> "tuple[torch.device, torch.dtype]":
    """The device that accelerate chooses, and the dtype of weights there.

    On an accelerator that has it, bfloat16; on a CPU float32, which all tests of exactness hold for.
    """
    import torch
    from accelerate import PartialState
    from accelerate.utils import is_bf16_available

    device = PartialState().device
    half = device.type != "cpu" and is_bf16_available()
    return device, torch.bfloat16 if half else torch.float32


def quick_bfloat16() -> bool:
    """Whether matrix products in bfloat16 are quicker than in float32 here: on an accelerator that has it, or a CPU.

    That is one with AMX, or with AVX-512's instructions for it (AMD's since Zen 4, which have no AMX; Intel tells of
    1.4 to 1.6 times, not measured by us). On others bfloat16 takes five times as long.
    """
    import torch

    device, dtype = placement()
    if device.type != "cpu":
        return dtype == torch.bfloat16
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def keep_freed_memory() -> None:
    """Let glibc keep what a forward pass frees for the next one, which is a quarter quicker without the page faults.

    The process then stays as large as its largest pass. Other C libraries are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, _NEVER)
