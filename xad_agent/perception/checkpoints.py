"""Where a model's checkpoint is: a local folder, a file with its architecture, or the hub's name of it.

A spec is one of
- `FOLDER`: what `save_pretrained` or the hub wrote;
- `ARCHITECTURE@FILE`: a state dict, .safetensors or what `torch.save` wrote (read with weights_only);
- `OWNER/NAME`: a hub's name, fetched once into the hub client's cache. HF_HUB_OFFLINE=1 keeps it from the network;
- `ARCHITECTURE@OWNER/NAME`: the one weights file that the hub has under that name.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xad_agent.errors import XadError

if TYPE_CHECKING:
    from torch import nn

_SAFE = ("*.json", "*.txt", "*.jinja", "*.model", "*.safetensors")
_OLD = ("*.bin", "*.pt", "*.pth")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is on this machine.

    Attributes:
        spec: What it was asked for as.
        path: A folder, or a file where `architecture` is given.
        architecture: What the file's weights are of; "" for a folder, which says so itself.
    """

    spec: str
    path: Path
    architecture: str = ""


def find_checkpoint(spec: str) -> Checkpoint:
    """The checkpoint that a spec names, fetched from the hub where it must be.

    Raises:
        XadError: There is no such file, folder or name, or the hub cannot be reached.
    """
    architecture, at, file = spec.partition("@")
    if at:
        return Checkpoint(spec, _file(spec, file), architecture)
    path = Path(spec).expanduser()
    if spec and path.is_dir():
        return Checkpoint(spec, path)
    if path.is_file():
        raise XadError(f"{spec} is a file: say what it is of, as ARCHITECTURE@{spec}", exit_code=2)
    if not _may_be_hubs(spec):
        raise XadError(f"there is no folder {spec!r}, and it is no hub's name (OWNER/NAME) either", exit_code=2)
    return Checkpoint(spec, hub_folder(spec))


def _file(spec: str, file: str) -> Path:
    path = Path(file).expanduser()
    if path.is_file():
        return path
    if path.suffix in (".safetensors", *(pattern[1:] for pattern in _OLD)) or not _may_be_hubs(file):
        raise XadError(f"{spec}: there is no file {file!r}; a checkpoint is given as ARCHITECTURE@FILE")
    folder = hub_folder(file)
    files = [path for pattern in ("*.safetensors", *_OLD) for path in folder.glob(pattern)]
    if len(files) != 1:
        raise XadError(f"{file} has {len(files)} weights files: fetch the right one, and give ARCHITECTURE@FILE")
    return files[0]


def _may_be_hubs(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "~", "/"))


def hub_folder(name: str) -> Path:
    """The folder of a hub's model, from the hub client's cache or, once, from the network.

    Pickles are fetched only of a model that has no .safetensors; they are read with weights_only.

    Raises:
        XadError: The hub has no such model, or it is not on this machine and the hub cannot be reached.
    """
    folder = _snapshot(name, _SAFE)
    if not any(folder.rglob("*.safetensors")):
        folder = _snapshot(name, (*_SAFE, *_OLD))
    return folder


def in_cache(name: str) -> bool:
    """Whether the hub client keeps a model of that name; asks no network."""
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(name, local_files_only=True)
    except Exception:  # not kept, or no hub's name
        return False
    return True


def _snapshot(name: str, patterns: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(patterns)))
    except HFValidationError as error:
        raise XadError(f"{name!r} is no hub's name: give OWNER/NAME, or a folder", exit_code=2) from error
    except GatedRepoError as error:
        raise XadError(f"{name} is open only to whom its owner lets in: ask there, and set HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise XadError(f"the hub has no model {name}: check the name, or set HF_TOKEN where it is private") from error
    except Exception as error:  # its clients raise errors of many types where there is no network
        offline = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE")
        reason = "HF_HUB_OFFLINE is set" if offline else "the hub cannot be reached"
        raise XadError(
            f"{name} is not on this machine, and {reason}: run `xad models pull {name}` where there is a network, "
            "or give a local folder or ARCHITECTURE@FILE"
        ) from error


def fingerprint(network: "nn.Module") -> str:
    """sha256 over a network's weights, their names and shapes."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
