"""Files in which long work is kept while it lasts."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np


def write_whole(file: Path, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write a .safetensors file in one go: where that fails or is stopped, the one before stays as it is.

    Raises:
        Exception: The disk is full, or the place cannot be written to; safetensors gives the system's errors types of
            its own.
    """
    from safetensors.numpy import save_file

    partial = file.with_name(f".{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Of arrays whose axes lie otherwise in memory it would mix the axes up.
        save_file({name: np.array(array, order="C") for name, array in arrays.items()}, partial, metadata=metadata)
        os.replace(partial, file)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
