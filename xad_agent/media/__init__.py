"""Reading pictures and clips safely, and writing clips."""

from xad_agent.media.clip import Clip
from xad_agent.media.clip_finding import find_clips, holds_clips, is_clip
from xad_agent.media.clip_reading import read_clip, read_clips
from xad_agent.media.clip_writing import write_clip
from xad_agent.media.picture import Picture
from xad_agent.media.reading import find_pictures, read_picture, read_pictures

__all__ = [
    "Clip",
    "Picture",
    "find_clips",
    "find_pictures",
    "holds_clips",
    "is_clip",
    "read_clip",
    "read_clips",
    "read_picture",
    "read_pictures",
    "write_clip",
]
