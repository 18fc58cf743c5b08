"""UBnormal (Acsintoae et al., CVPR 2022) as it is published; see `clip_published` for what was looked up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval.clip_masks import ObjectMasks
from xad_agent.eval.clip_metrics import Box
from xad_agent.eval.clip_tracks import largest_part
from xad_agent.eval.clip_truth import ClipSet, LabelledClip, clip_set, read_rows, told

_LISTS = ("normal_training", "normal_test", "abnormal_test")


def is_ubnormal(root: Path) -> bool:
    """Whether a folder looks like UBnormal."""
    return any(root.glob("Scene*/*normal_scene_*.mp4"))


def read_ubnormal(root: Path) -> ClipSet:
    """UBnormal; XadError where a list, a clip that it names, or its annotation is missing."""
    training, normal, abnormal = (_listed(root, name) for name in _LISTS)
    scenes: dict[str, list[Path]] = {}
    for path in training:
        scenes.setdefault(path.parent.name, []).append(path)
    clips = [LabelledClip(path.stem, path, marked=(), scene=path.parent.name) for path in normal]
    return clip_set(root, "ubnormal", scenes, [*map(_annotated, abnormal), *clips])


def _listed(root: Path, name: str) -> list[Path]:
    """The videos that one of the lists names."""
    file = f"{name}_video_names.txt"
    path = next((p for p in (root / file, root / "scripts" / file) if p.is_file()), None)
    if path is None:
        raise XadError(f"{root}: has no {file}, in it or in scripts; take it from UBnormal's repository", exit_code=2)
    clips = told(path, str.split)
    videos = {video.stem: video for video in root.glob("Scene*/*.mp4")}
    if missing := [clip for clip in clips if clip not in videos]:
        raise XadError(f"{path}: names {missing[0]}, but there is no Scene*/{missing[0]}.mp4 ({len(missing)} missing)")
    return [videos[clip] for clip in clips]


def _annotated(video: Path) -> LabelledClip:
    folder = video.with_name(f"{video.stem}_annotations")
    rows = told(folder / f"{video.stem}_tracks.txt", read_rows(3, ",", 3))
    stretches = [tuple(int(float(cell)) for cell in row) for row in rows]
    objects: dict[int, list[int]] = {}
    for number, first, last in stretches:
        for frame in range(first, last + 1):
            objects.setdefault(frame, []).append(number)
    paths = {int(path.stem.split("_")[-2]): path for path in folder.glob(f"{video.stem}_*_gt.png")}
    masks = ObjectMasks(paths, objects)
    tracks = ObjectTracks(masks, tuple((number, first, last) for number, first, last in stretches))
    return LabelledClip(video.stem, video, masks, tracks, marked=tuple(sorted(objects)), scene=video.parent.name)


@dataclass(frozen=True)
class ObjectTracks(Mapping[str, Mapping[int, Box]]):
    """The tracks of numbered objects, boxed when they are asked for.

    Attributes:
        masks: Where the objects are.
        stretches: (object, first frame, last frame) of each track.
    """

    masks: ObjectMasks
    stretches: tuple[tuple[int, int, int], ...]

    @cached_property
    def _boxes(self) -> dict[str, dict[int, Box]]:
        boxes: dict[str, dict[int, Box]] = {}
        for frame in sorted(self.masks.objects):
            numbers = self.masks.numbers(frame)
            for track, (number, first, last) in enumerate(self.stretches):
                if first <= frame <= last and (box := largest_part(numbers == number)):
                    boxes.setdefault(str(track), {})[frame] = box
        return boxes

    def __getitem__(self, track: str) -> Mapping[int, Box]:
        return self._boxes[track]

    def __iter__(self) -> Iterator[str]:
        return iter(self._boxes)

    def __len__(self) -> int:
        return len(self._boxes)
