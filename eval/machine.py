"""What a measurement depends on besides the data: versions, revision, memory, threads."""

import os
import platform
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xad_agent.machine import usable_cores

PACKAGES = (
    "xad-agent",
    "numpy",
    "scipy",
    "scikit-learn",
    "opencv-python-headless",
    "torch",
    "timm",
    "transformers",
    "open_clip_torch",
    "onnxruntime",
)


def versions() -> dict[str, str]:
    """The versions of Python and of each package that results depend on; "not installed" where it is not."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def revision() -> str | None:
    """The git revision of the source ("-dirty" when changed); None when the package is not run from its repository."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "--no-optional-locks", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def provenance() -> dict[str, Any]:
    """What any result depends on: the versions and the revision; a run of others does not go on with this one's."""
    return {"versions": versions(), "revision": revision()}


def peak_memory_mb() -> float | None:
    """The most memory this process has held so far, in MB (10^6 bytes); None where the system does not tell."""
    with suppress(
        OSError, StopIteration, ValueError
    ):  # what Linux reports below counts the process that started this one
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def load_average() -> float | None:
    """The machine's load over the last minute; None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def this_machine() -> dict[str, Any]:
    """What a result's seconds and memory depend on: system, processor, cores, memory in GB (10^9 bytes), load."""
    import psutil

    return {
        "system": platform.platform(terse=True),
        "processor": processor(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_average": load_average(),
    }


def circumstances(load_before: float | None) -> dict[str, Any]:
    """What timings depend on besides the work: load before and now, processor, cores, versions, revision."""
    return {
        "load_average": [load_before, load_average()],
        "processor": processor(),
        "cores": os.cpu_count(),
        **provenance(),
    }
