"""Media made small, for the conversation and for tables."""

from pathlib import Path

from PIL import Image

from xad_agent.errors import XadError
from xad_agent.media import is_clip, read_clip, read_picture

SIDE = 320


def thumbnail(file: Path) -> Path | None:
    """A picture, or a clip's first frame, at most 320 px long, kept beside it; None where it cannot be read."""
    small = file.parent.parent / f"{file.parent.name}.webp"
    if small.is_file():
        return small
    try:
        shown = read_clip(file).frame(0) if is_clip(file) else read_picture(file)
    except XadError:
        return None
    image = Image.fromarray(shown.pixels)
    image.thumbnail((SIDE, SIDE))
    image.save(small, quality=80)
    return small
