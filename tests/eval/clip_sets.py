"""A small set of clips on disk, in the layout of UCSD Ped2, for tests: a square walks, a wide box runs."""

import json

import numpy as np
from PIL import Image

HEIGHT, WIDTH, FRAMES = 24, 40, 12
ANOMALOUS = {"01": range(4, 12), "02": range(0, 7)}


def box(frame):
    """Where the anomaly is in a frame: 6 x 5 px, 3 px a frame."""
    left = 3 * frame
    return (left, 14, left + 6, 19)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def write_clip_set(root):
    """Two normal training clips, two test clips; tracks.json names the tracks of clip 01 alone."""
    for clip in ("01", "02"):
        for frame in range(FRAMES):
            save(root / f"training/frames/{clip}/{frame:03}.png", picture(frame))
    for clip, anomalous in ANOMALOUS.items():
        for frame in range(FRAMES):
            shown = box(frame) if frame in anomalous else None
            save(root / f"testing/frames/{clip}/{frame:03}.png", picture(frame, shown))
            save(root / f"testing/masks/{clip}/{frame:03}.png", mask(shown))
    tracks = [{"video": "01", "label": "cart", "boxes": [[frame, *box(frame)] for frame in ANOMALOUS["01"]]}]
    (root / "tracks.json").write_text(json.dumps(tracks))
    return root


def picture(frame, shown=None):
    pixels = np.full((HEIGHT, WIDTH, 3), 60)
    pixels[3:9, 4 + frame : 8 + frame] = 110
    if shown:
        x0, y0, x1, y1 = shown
        pixels[y0:y1, x0:x1] = 220
    return pixels


def mask(shown):
    marked = np.zeros((HEIGHT, WIDTH))
    if shown:
        x0, y0, x1, y1 = shown
        marked[y0:y1, x0:x1] = 255
    return marked
