"""Reading pictures of every common kind into `Picture`, within limits that no file can get round.

Rules, each told in `Picture.notes` where it applied:
- the first frame or page counts, and the picture is turned upright by its EXIF orientation;
- transparent parts are put on white;
- 16-bit values: 65535 is white, or 4095 where no value is larger (12-bit cameras store into 16 bits);
- floats: 1 is white where none is larger; values that reach from above 2 up to 65535 are read like whole numbers.
"""

import glob
import hashlib
import os
import stat
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from xad_agent.errors import XadError, clean, reason
from xad_agent.media.colours import MAX_PIXELS, check_size, to_rgb
from xad_agent.media.picture import Picture

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES = 256 * 10**6
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")

# Pillow knows many more, some of which start other programs (EPS) or are seldom looked after.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")
_KINDS = "jpg, png, webp, bmp, tiff, gif, ppm"
_UPRIGHT = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}

Source: TypeAlias = "str | Path | np.ndarray | Image.Image | Picture"


def read_picture(source: Source, *, name: str | None = None) -> Picture:
    """Read one picture; anything of at least 1 x 1 px (what is too small to judge is for a detector to say).

    Args:
        source: A file, a PIL image, a `Picture` (returned as it is), or an array of shape (H, W), (H, W, 1), (H, W, 3)
            RGB or (H, W, 4) RGBA; bool, whole numbers 0 to 65535, or floats as the module says.
        name: What to call it; else the file's name, cleaned of control characters.

    Raises:
        XadError: One line on what is wrong with it: missing, a folder, empty, unreadable, not a picture, truncated,
            over MAX_BYTES or MAX_PIXELS, of another shape, or with values that cannot be scaled.
    """
    if isinstance(source, Picture):
        return source if name is None else replace(source, name=clean(name))
    pixels, name, notes = read_pixels(source, name)
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(pixels.data)
    return Picture(pixels, name, digest.hexdigest(), notes)


def read_pixels(source: Source, name: str | None = None) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """Pixels (read-only), name and notes as `read_picture` reads them, without the digest, too slow for every frame."""
    from PIL import Image

    notes: list[str] = []
    if isinstance(source, Picture):
        return source.pixels, clean(name or source.name), source.notes
    if isinstance(source, str | Path):
        path = Path(source)
        shown = clean(str(path), 200)
        array = _read_file(path, shown, notes)
        name = path.name if name is None else name
    elif isinstance(source, Image.Image):
        name = Path(getattr(source, "filename", "") or "picture").name if name is None else name
        shown = clean(name)
        with told(shown):
            array = _from_image(source, shown, notes)
    elif isinstance(source, np.ndarray):
        name = "picture" if name is None else name
        shown = f"{clean(name)} (an array)"
        array = source
    else:
        raise XadError(f"cannot read a {type(source).__name__}: give a path, a PIL image or a numpy array")
    pixels = to_rgb(array, shown, notes)
    pixels.setflags(write=False)
    return pixels, clean(name), tuple(notes)


def find_pictures(source: str | Path | Iterable[str | Path]) -> list[Path]:
    """The picture files that a folder (with all below it), a glob, a file, or a list of these stands for.

    Sorted within each folder or glob, none twice. In folders only files with a picture's suffix count, and what is
    hidden does not; a file named itself is taken as it is.

    Raises:
        XadError: Nothing is there, or no picture is in it.
    """
    if not isinstance(source, str | Path):
        return list(dict.fromkeys(path for entry in source for path in find_pictures(entry)))
    path, shown = Path(source), clean(str(source), 200)
    try:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if _is_visible_picture(p, path))
        elif path.exists():
            return [path]
        else:
            found = sorted(p for p in map(Path, glob.glob(str(source), recursive=True)) if p.is_file())
    except (OSError, ValueError) as error:
        raise XadError(f"cannot look for pictures in {shown}: {reason(error)}") from error
    if not found and not path.is_dir():
        raise XadError(f"no such file or folder: {shown}")
    if not found:
        raise XadError(f"no pictures in {shown} (looked for {_KINDS})")
    return found


def read_pictures(source: "Source | Iterable[Source]") -> Iterator[tuple[Path | int, Picture | XadError]]:
    """Read many pictures one by one, so that a bad one among them can be named and skipped.

    Args:
        source: A folder, glob or file; an array, PIL image or `Picture`; a list of any of these; an array (N, H, W, C).

    Yields:
        The file (or, for what is no file, its place in the list) with its picture, or with the error it gave.

    Raises:
        XadError: `source` is a single file, folder or glob, and nothing is there.
    """
    for index, entry in enumerate(_entries(source)):
        if not isinstance(entry, str | Path):
            yield index, _read_or_error(entry)
            continue
        try:
            paths = find_pictures(entry)
        except XadError as error:
            if entry is source:
                raise
            yield Path(entry), error
            continue
        for path in paths:
            yield path, _read_or_error(path)


def _entries(source: "Source | Iterable[Source]") -> "Iterable[Source]":
    if isinstance(source, np.ndarray):
        return list(source) if source.ndim == 4 else [source]
    if isinstance(source, str | Path | Picture) or not isinstance(source, Iterable):
        return [source]
    return source


def _is_visible_picture(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and path.is_file()


def _read_or_error(source: Source) -> Picture | XadError:
    try:
        return read_picture(source)
    except XadError as error:
        return error


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height in px that a picture file promises, before it is turned upright; nothing is decoded.

    Raises:
        XadError: As `read_picture` says, as far as the start of the file shows it.
    """
    shown = clean(str(path), 200)
    with _opened(path, shown) as image:
        check_size(image.width, image.height, shown)
        return image.width, image.height


def check_file(path: Path, shown: str) -> os.stat_result:
    """What the system says of an ordinary file with something in it; XadError, or its own error, for any other."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise XadError(f"{shown} is not an ordinary file: copy it into one")
    if about.st_size == 0:
        raise XadError(f"{shown} is empty (0 bytes): save it again")
    return about


def _read_file(path: Path, shown: str, notes: list[str]) -> np.ndarray:
    with _opened(path, shown) as image:
        return _from_image(image, shown, notes, path)


@contextmanager
def _opened(path: Path, shown: str) -> "Iterator[Image.Image]":
    from PIL import Image

    with told(shown):
        if path.is_dir():
            raise XadError(f"{shown} is a folder: name one picture in it")
        if (size := check_file(path, shown).st_size) > MAX_BYTES:
            limit = MAX_BYTES / 1e6
            raise XadError(f"{shown} has {size / 1e6:.0f} MB, the limit is {limit:.0f} MB: make it smaller or crop it")
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about size and metadata: the limits here decide
            with Image.open(file, formats=_FORMATS) as image:
                yield image


@contextmanager
def told(shown: str) -> Iterator[None]:
    """Turn whatever opening and decoding raise into one line about `shown`."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except XadError:
        raise
    except FileNotFoundError as error:
        raise XadError(f"no such file: {shown}") from error
    except PermissionError as error:
        raise XadError(f"{shown} may not be read: change its permissions") from error
    except Image.DecompressionBombError as error:
        raise XadError(
            f"{shown} is far over the limit of {MAX_PIXELS / 1e6:.0f} megapixels: make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise XadError(f"{shown} is not a picture of a kind that can be read ({_KINDS}): convert it") from error
    except Exception as error:  # damaged bytes lead a decoder to errors of any type
        raise XadError(f"{shown} is truncated or damaged ({reason(error)}): copy or save it again") from error


def _from_image(image: "Image.Image", shown: str, notes: list[str], path: Path | None = None) -> np.ndarray:
    """The array of a PIL image, upright; decoded from `path` instead where Pillow would cut 16-bit colours to 8."""
    from PIL import ExifTags, ImageOps

    check_size(image.width, image.height, shown)
    # The second frame of an MPO is the same view, for depth or brightness.
    if getattr(image, "is_animated", False) and image.format != "MPO" and image.tell() == 0:
        notes.append("the first of several frames")
    deep = path is not None and _has_deep_colours(image)  # asked first: reading EXIF may decode the picture
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation in _UPRIGHT:
        notes.append("turned upright by EXIF")
    if path is not None and deep:
        if getattr(image, "tag_v2", {}).get(284) == 2:  # planar: neither decoder reads that right
            raise XadError(f"{shown} stores its 16-bit colours plane by plane: save it with interleaved colours")
        array = _decode_deep(path)
        return _UPRIGHT[orientation](array) if orientation in _UPRIGHT and image.format == "PNG" else array
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        return np.asarray(image)
    if image.mode == "CMYK":
        notes.append("CMYK turned into RGB without its colour profile")
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def _has_deep_colours(image: "Image.Image") -> bool:
    if image.mode not in ("RGB", "RGBA", "LA"):
        return False
    bits = getattr(image, "tag_v2", {}).get(258, ())  # BitsPerSample of a TIFF
    return 16 in bits or any(";16" in str(tile.args) for tile in getattr(image, "tile", ()))


def _decode_deep(path: Path) -> np.ndarray:
    import cv2

    array = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise ValueError("its 16-bit colours cannot be decoded")
    return array if array.ndim == 2 else array[..., [2, 1, 0, 3][: array.shape[2]]]
