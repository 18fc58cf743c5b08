"""A video file through PyAV (FFmpeg): opened within limits, its packets, and its frames as they are decoded."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from xad_agent.errors import XadError
from xad_agent.media.colours import MAX_PIXELS, check_size
from xad_agent.media.reading import check_file, told

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

VIDEO_KINDS = "mp4, mov, mkv, webm, avi, mpg, ts, flv, wmv, ogv, animated gif"

# Not those that read any text, nor those that open further files, which a text named .mp4 could name (hls, concat).
_CONTAINERS = (
    "mov,matroska,avi,mpeg,mpegts,flv,asf,ogg,gif,apng,mxf,dv,ivf,yuv4mpegpipe,mpegvideo,m4v,h264,hevc,obu,mjpeg"
)


@contextmanager
def opened(path: Path, shown: str) -> "Iterator[tuple[InputContainer, VideoStream]]":
    """The container and its video stream, ready to be read from the start; neither may be touched afterwards.

    Raises:
        XadError: Missing, empty, not allowed, not a video, without a video stream, over MAX_PIXELS, or of a codec that
            is not there; the line calls it `shown`.
    """
    with ExitStack() as stack:
        with told(shown):
            check_file(path, shown)
            container = stack.enter_context(_container(stack.enter_context(path.open("rb")), shown))
            stream = _video_stream(container, shown)
        yield container, stream


def packets(container: "InputContainer", stream: "VideoStream") -> "Iterator[Packet]":
    """The stream's packets as they are stored, up to damage that cannot be read past; the last one is empty."""
    import av

    try:
        yield from container.demux(stream)
    except (av.FFmpegError, IndexError):  # the latter from PyAV where more streams turned up on the way
        yield av.Packet()


def decoded(stored: "Iterable[Packet]", stream: "VideoStream") -> "Iterator[VideoFrame]":
    """The frames of packets in the order they are shown, without those that are damaged."""
    import av

    for packet in stored:
        try:
            frames = stream.decode(packet if packet.size else None)
        except av.FFmpegError:
            continue
        yield from (frame for frame in frames if not frame.is_corrupt)


def _container(file: IO[bytes], shown: str) -> "InputContainer":
    import av

    limits = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
    try:
        return av.open(file, "r", options=limits, metadata_errors="replace")
    except av.FFmpegError as error:
        raise XadError(
            f"{shown} is not a video that can be read ({VIDEO_KINDS}), or its index is lost: copy or convert it again"
        ) from error


def _video_stream(container: "InputContainer", shown: str) -> "VideoStream":
    from av.stream import Disposition

    found = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not found:
        only = "only sound" if container.streams.audio else "nothing to see"
        raise XadError(f"{shown} holds no video stream, {only}: give a file with moving pictures")
    stream = found[0]
    if stream.codec_context is None:
        raise XadError(f"{shown} is coded in a way that cannot be decoded here: convert it, for example to H.264")
    if stream.codec_context.width:
        check_size(stream.codec_context.width, stream.codec_context.height, shown)
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.thread_type = "AUTO"
    return stream
