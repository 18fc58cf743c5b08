"""Reading pictures safely."""

from xad_agent.media.picture import Picture
from xad_agent.media.reading import find_pictures, read_picture, read_pictures

__all__ = ["Picture", "find_pictures", "read_picture", "read_pictures"]
