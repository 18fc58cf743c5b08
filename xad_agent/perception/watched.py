"""Clips that were watched already, kept on disk, so that a fit that was stopped goes on with the next one."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from xad_agent.checkpoint import write_whole
from xad_agent.errors import XadError
from xad_agent.media.clip import Clip
from xad_agent.perception.eyes import Eyes
from xad_agent.perception.sightings import Sightings, watch
from xad_agent.progress import Progress


class Watched:
    """Watches clips with the same eyes, each once.

    Args:
        eyes: What they are looked at with; what was seen with others is seen anew.
        folder: Where what was seen is kept; None keeps nothing.
    """

    def __init__(self, eyes: Eyes, folder: Path | None):
        self._eyes, self._folder = eyes, folder
        self._key = _fingerprint(eyes)

    def watch(self, clip: Clip, progress: Progress) -> Sightings:
        """What is seen in a clip: see `watch`.

        Raises:
            XadError: The clip cannot be read any more, or the folder cannot be written.
        """
        if self._folder is None:
            return watch(clip, self._eyes, progress)
        name = hashlib.sha256(f"{self._key} {clip.sha256} {clip.fps} {clip.name}".encode()).hexdigest()
        file = self._folder / f"{name[:32]}.safetensors"
        return _read(file) or _kept(watch(clip, self._eyes, progress), file)


def _fingerprint(eyes: Eyes) -> str:
    """Of all by which the same clip would be seen otherwise."""
    digest = hashlib.sha256(json.dumps([asdict(eyes.perspective), eyes.tile, list(eyes.objects.names)]).encode())
    if eyes.background is not None:
        digest.update(eyes.background.image.tobytes())
    if eyes.appearance is not None:
        digest.update(eyes.appearance.backbone.fingerprint.encode())
    return digest.hexdigest()


def _read(file: Path) -> Sightings | None:
    """What the file holds; None where it is not there, or damaged: then the clip is watched again."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as opened:
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            return Sightings.from_state(json.loads(opened.metadata()["seen"]), arrays)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None


def _kept(seen: Sightings, file: Path) -> Sightings:
    settings, arrays = seen.state()
    try:
        write_whole(file, arrays, {"seen": json.dumps(settings)})
    except Exception as error:
        raise XadError(f"cannot keep what was seen in {file.parent} ({error}): free space, or fit elsewhere") from error
    return seen
