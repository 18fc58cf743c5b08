"""The layouts in which sets of clips are published, read as they come, with nothing renamed or converted.

ucsd            Train/<clip>/*.tif, Test/<clip>/*.tif, Test/<clip>_gt/*.bmp, Test/UCSDpedN.m with a line `gt_frame =
                [first:last]` (from 1, several stretches allowed) for each test clip. Of Ped1 only 10 clips have masks:
                frame metrics are of all, metrics of places of those. Looked up: UCSD's README, anomalib's datamodule
                `ucsd_ped`, and the lines of both .m files as quoted in public code; the archive was not at hand.
avenue          training_videos/NN.avi, testing_videos/NN.avi, ground_truth_demo/testing_label_mask/N_label.mat with
                the cell `volLabel`, a mask for each frame. Looked up: Avenue's ground_truth_show.m and anomalib's
                datamodule `avenue`; not the archive.
shanghaitech    training/videos/SS_NNN.avi (or training/converted_videos, or training/frames/<clip>/*), testing/frames/
                SS_NNNN/*.jpg, testing/test_frame_mask/<clip>.npy (T,), testing/test_pixel_mask/<clip>.npy (T, H, W);
                SS is the scene. Looked up: anomalib's datamodule `shanghaitech` for all but the frame masks, which
                are from public code that lists the folder; not the archive.
ubnormal        SceneN/<clip>.mp4, SceneN/<clip>_annotations/<clip>_tracks.txt with lines `object, first, last` (frames
                from 0, last included) and <clip>_FFFF_gt.png whose grey value is the object's number, and the lists
                normal_training_video_names.txt, {normal,abnormal}_test_video_names.txt in DIR or DIR/scripts. Its
                abnormal training and its validation clips are not used. Looked up: all of it, in UBnormal's own
                scripts; not the archive. Boxes are of an object's largest part, as there.
street-scene    Train/<clip>/*.jpg, Test/<clip>/*.jpg, and in it or beside it <clip>_gt.txt with lines
                `file track x y width height`, x and y the centre of the box. Looked up: py-ssvad-metrics' converter and
                README; neither the archive nor its own readme. It has boxes, no pixel masks.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.clip_masks import ArrayMasks, CellMasks, MaskFiles, load_array
from xad_agent.eval.clip_metrics import Box
from xad_agent.eval.clip_truth import (
    ClipSet,
    LabelledClip,
    clip_folders,
    clip_set,
    files,
    frame_paths,
    masks_of,
    read_rows,
    told,
)
from xad_agent.media.clip_finding import VIDEO_SUFFIXES

LAYOUTS = "what UCSD Ped1 and Ped2, Avenue, ShanghaiTech, UBnormal or Street Scene come as"

_VIDEOS = frozenset(VIDEO_SUFFIXES)


def is_ucsd(root: Path) -> bool:
    """Whether a folder looks like UCSDped1 or UCSDped2."""
    tests = root / "Test"
    return (root / "Train").is_dir() and (any(tests.glob("*.m")) or any(tests.glob("*_gt/")))


def read_ucsd(root: Path) -> ClipSet:
    """UCSD Ped1 or Ped2; XadError where frames and labels do not fit each other."""
    tests = [folder for folder in clip_folders(root / "Test", "Test/<clip>/*.tif") if not folder.name.endswith("_gt")]
    listed = files(root / "Test", frozenset({".m"}))
    stretches = told(listed[0], _stretches) if listed else None
    return clip_set(
        root,
        "ucsd",
        {"": clip_folders(root / "Train", "Train/<clip>/*.tif")},
        [_ucsd_clip(folder, stretches) for folder in tests],
    )


def _ucsd_clip(folder: Path, stretches: list[tuple[int, ...]] | None) -> LabelledClip:
    length, truth = len(frame_paths(folder)), folder.with_name(f"{folder.name}_gt")
    marked = None
    if stretches is not None:
        number = int(re.sub(r"\D", "", folder.name) or 0)
        if not 0 < number <= len(stretches):
            raise XadError(f"{folder}: the .m file labels {len(stretches)} clips, {folder.name} is not among them")
        marked = _numbers(folder, stretches[number - 1], length)
    elif not truth.is_dir():
        raise XadError(f"{folder}: has neither masks in {truth.name} nor a line in UCSDpedN.m; put one of them there")
    masks = MaskFiles(masks_of(folder, truth)) if truth.is_dir() else None
    return LabelledClip(folder.name, folder, masks, marked=marked, length=length)


def _stretches(text: str) -> list[tuple[int, ...]]:
    """The anomalous frames, from 0, of each clip of a UCSDpedN.m."""
    lines = re.findall(r"^[^%\n]*\.gt_frame\s*=\s*\[([^\]]*)\]", text, re.MULTILINE)
    if not lines:
        raise ValueError("it has no line gt_frame = [first:last]")
    return [
        tuple(
            frame - 1
            for part in re.split(r"[\s,;]+", re.sub(r"\s*:\s*", ":", line.strip()))
            for frame in range(int(part.split(":")[0]), int(part.split(":")[-1]) + 1)
        )
        for line in lines
    ]


def is_avenue(root: Path) -> bool:
    """Whether a folder looks like Avenue."""
    return (root / "testing_videos").is_dir() and (root / "training_videos").is_dir()


def read_avenue(root: Path) -> ClipSet:
    """Avenue; XadError where videos or their masks are missing."""
    places = [root / "ground_truth_demo", root, root.parent / "ground_truth_demo"]
    truth = next((p / "testing_label_mask" for p in places if (p / "testing_label_mask").is_dir()), None)
    if truth is None:
        raise XadError(f"{root}: has no ground_truth_demo/testing_label_mask; unpack Avenue's ground truth there")
    clips = []
    for path in files(root / "testing_videos", _VIDEOS):
        masks = CellMasks(truth / f"{path.stem.lstrip('0')}_label.mat")
        clips.append(LabelledClip(path.stem, path, masks, length=masks.length))
    return clip_set(root, "avenue", {"": files(root / "training_videos", _VIDEOS)}, clips)


def is_shanghaitech(root: Path) -> bool:
    """Whether a folder looks like ShanghaiTech Campus."""
    return any((root / "testing" / name).is_dir() for name in ("test_frame_mask", "test_pixel_mask"))


def read_shanghaitech(root: Path) -> ClipSet:
    """ShanghaiTech; XadError where a clip has no labels, or not one for each frame."""
    training = root / "training"
    normal = files(training / "converted_videos", _VIDEOS) or files(training / "videos", _VIDEOS)
    normal = normal or tuple(clip_folders(training / "frames", "training/videos/*.avi or training/frames/<clip>/*"))
    tests = clip_folders(root / "testing" / "frames", "testing/frames/<clip>/*.jpg")
    return clip_set(
        root, "shanghaitech", _by_scene(normal), [_shanghaitech_clip(root / "testing", one) for one in tests]
    )


def _shanghaitech_clip(testing: Path, folder: Path) -> LabelledClip:
    length, marked, masks = len(frame_paths(folder)), None, None
    labels = testing / "test_frame_mask" / f"{folder.name}.npy"
    pixels = testing / "test_pixel_mask" / f"{folder.name}.npy"
    if labels.is_file():
        values = load_array(labels).ravel()
        _check_length(labels, folder, len(values), length)
        marked = tuple(np.flatnonzero(values).tolist())
    if pixels.is_file():
        masks = ArrayMasks(pixels)
        _check_length(pixels, folder, masks.length, length)
    if marked is None and masks is None:
        raise XadError(f"{folder}: has no labels; put {labels.name} into test_frame_mask or test_pixel_mask")
    return LabelledClip(folder.name, folder, masks, marked=marked, length=length, scene=_scene(folder))


def _scene(path: Path) -> str:
    return path.stem.split("_")[0]


def _by_scene(paths: Sequence[Path]) -> dict[str, list[Path]]:
    scenes: dict[str, list[Path]] = {}
    for path in paths:
        scenes.setdefault(_scene(path), []).append(path)
    return scenes


def is_street_scene(root: Path) -> bool:
    """Whether a folder looks like Street Scene."""
    tests = root / "Test"
    return (root / "Train").is_dir() and (any(tests.glob("*_gt.txt")) or any(tests.glob("*/*_gt.txt")))


def read_street_scene(root: Path) -> ClipSet:
    """Street Scene; XadError where a clip's boxes are missing or name frames that are not there."""
    tests = clip_folders(root / "Test", "Test/<clip>/*.jpg")
    normal = clip_folders(root / "Train", "Train/<clip>/*.jpg")
    return clip_set(root, "street-scene", {"": normal}, [_street_clip(folder) for folder in tests])


def _street_clip(folder: Path) -> LabelledClip:
    frames = {path.name: place for place, path in enumerate(frame_paths(folder))}
    beside = folder.with_name(f"{folder.name}_gt.txt")
    listed = beside if beside.is_file() else next(iter(sorted(folder.glob("*_gt.txt"))), None)
    if listed is None:
        raise XadError(f"{folder}: has no {beside.name}, in it or beside it; put the boxes of its anomalies there")
    tracks: dict[str, dict[int, Box]] = {}
    for name, track, x, y, width, height in told(listed, read_rows(6, None, 4)):
        if name not in frames:
            raise XadError(f"{listed}: names {name}, the frames of {folder.name} are {min(frames)} to {max(frames)}")
        left, top, wide, high = float(x), float(y), float(width), float(height)
        box = (left - wide / 2, top - high / 2, left + wide / 2, top + high / 2)
        tracks.setdefault(track, {})[frames[name]] = box
    return LabelledClip(folder.name, folder, given=tracks, length=len(frames))


def _numbers(clip: Path, frames: Sequence[int], length: int) -> tuple[int, ...]:
    if wrong := [frame for frame in frames if not 0 <= frame < length]:
        raise XadError(f"{clip}: frame {wrong[0] + 1} is labelled as anomalous, but there are {length} frames")
    return tuple(frames)


def _check_length(labels: Path, folder: Path, have: int, frames: int) -> None:
    if have != frames:
        raise XadError(f"{labels}: labels {have} frames, {folder} has {frames}; there must be one label per frame")
