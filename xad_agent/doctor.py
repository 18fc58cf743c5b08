"""What `xad doctor` looks at: whether this machine has what xad-agent needs, and what is only optional."""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata

from xad_agent import weights
from xad_agent.errors import XadError
from xad_agent.machine import usable_cores

DISTRIBUTION = "xad-agent"
LEAST_MEMORY = 2.0


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: What it is ("python", "package torch", "model hed").
        ok: False where the main job, asking about a picture, would fail or suffer; what is only optional is ok.
        detail: What was found.
        advice: What to do about it; empty when there is nothing to do.
    """

    name: str
    ok: bool
    detail: str
    advice: str = ""


def checks() -> list[Check]:
    """Look at this machine, without any network; takes a few seconds, as it imports torch to ask for a GPU."""
    return [_python(), *_packages(), _cores(), _memory(), _gpu(), _home(), *_models(), *_chosen(), _npm()]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Check("python", good, version, "" if good else "use Python 3.11 or newer")


def _packages() -> list[Check]:
    """One row for each requirement of this distribution; whether a package is there is asked without importing it."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in metadata.requires(DISTRIBUTION) or []]
    except metadata.PackageNotFoundError:
        return [
            Check("packages", False, f"{DISTRIBUTION} itself is not installed", "run `pip install .` in its folder")
        ]
    found = []
    for requirement in wanted:
        extra = re.search(r"""extra == ['"](.+?)['"]""", str(requirement.marker or ""))
        if requirement.name == DISTRIBUTION or (extra and extra[1] == "dev"):
            continue
        found.append(_package(requirement.name, str(requirement.specifier), extra[1] if extra else ""))
    return found


def _package(name: str, specifier: str, extra: str) -> Check:
    from packaging.specifiers import SpecifierSet

    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = ""
    if version and SpecifierSet(specifier).contains(version, prereleases=True):
        return Check(f"package {name}", True, version)
    detail = f"{version}, but {specifier} is needed" if version else "not installed"
    if extra:
        detail += f" (optional, for {extra})"
    return Check(f"package {name}", bool(extra), detail, f"run `pip install -U '{name}{specifier}'`")


def _cores() -> Check:
    return Check("cores", True, str(usable_cores()))


def _memory() -> Check:
    import psutil

    free = psutil.virtual_memory().available / 1e9
    enough = free >= LEAST_MEMORY
    return Check("free memory", enough, f"{free:.1f} GB", "" if enough else f"free up {LEAST_MEMORY:.0f} GB")


def _gpu() -> Check:
    try:
        import torch
    except Exception as error:  # a torch that does not fit the machine may raise anything
        return Check(
            "gpu", False, f"torch cannot be imported ({' '.join(str(error).split())[:120]})", "reinstall torch"
        )
    if torch.cuda.is_available():
        return Check("gpu", True, torch.cuda.get_device_name(0))
    if torch.backends.mps.is_available():
        return Check("gpu", True, "Apple MPS")
    return Check("gpu", True, "none; everything runs on the CPU")


def _home() -> Check:
    home = weights.home()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Check("storage", False, f"{home} cannot be written", "set XAD_HOME to a folder you can write to")
    return Check("storage", True, f"{home}, {shutil.disk_usage(existing).free / 1e9:.0f} GB free")


def _models() -> list[Check]:
    """The main job needs the three models that pip fetches; the others serve single tools."""
    found = []
    for row in weights.listing():
        present = row.status == "present"
        needed = row.role in ("llm", "sentences", "backbone")
        detail = row.status if present or needed else f"{row.status} (optional, for {row.role})"
        advice = "" if present else f"run `xad models pull {row.name}`"
        found.append(Check(f"model {row.name}", present or not needed, detail, advice))
    return found


def _chosen() -> list[Check]:
    """The checkpoints that were chosen, whether they are still the same."""
    from xad_agent.perception.models import chosen

    found = []
    for role, choice in chosen().items():
        try:
            changed = choice.changed()
        except XadError as error:
            found.append(Check(f"model as {role}", False, str(error), f"run `xad models use {role} {choice.spec}`"))
            continue
        detail = f"{choice.spec}, but {changed[0]} has changed" if changed else choice.spec
        advice = f"run `xad models use {role} {choice.spec}`" if changed else ""
        found.append(Check(f"model as {role}", not changed, detail, advice))
    return found


def _npm() -> Check:
    npm = shutil.which("npm")
    if npm:
        return Check("npm", True, npm)
    return Check("npm", True, "not found (optional, it fetches the models nanodet and movenet)", "install Node.js")
