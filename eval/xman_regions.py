"""Where the anomalies of labelled clips truly are, so that naming can be measured without finding them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval.clip_layout import read_tracks
from xad_agent.eval.clip_masks import MaskFiles
from xad_agent.eval.clip_metrics import Tracks
from xad_agent.eval.clip_tracks import linked
from xad_agent.eval.clip_truth import LabelledClip, frame_paths
from xad_agent.eval.xman_labels import Frames, Labels
from xad_agent.media import read_clip
from xad_agent.perception.sightings import Places

TRACKS = "tracks.json"


@dataclass(frozen=True)
class TrueRegions:
    """Where anomalies truly are.

    Attributes:
        source: The files or folders they were read from.
        tracks: Clip -> track -> place of the frame in the clip -> box x0 y0 x1 y1, px, exclusive.
    """

    source: str
    tracks: Mapping[str, Tracks]

    def places(self, clip: str) -> Places:
        """Those of a clip, by frame."""
        found: dict[int, list[tuple[int, tuple[float, float, float, float]]]] = {}
        for number, boxes in enumerate(self.tracks.get(clip, {}).values(), 1):
            for frame, box in boxes.items():
                found.setdefault(frame, []).append((number, box))
        return found

    @property
    def fingerprint(self) -> str:
        """sha256 of them all."""
        rows = sorted(
            (clip, track, sorted(boxes.items())) for clip, own in self.tracks.items() for track, boxes in own.items()
        )
        return sha256(repr(rows).encode()).hexdigest()


def read_regions(given: Path | None, labels: Path, clips: Mapping[str, Path], frames: Frames) -> TrueRegions | None:
    """The true regions of clips, from a file of tracks or from masks (see `clip_layout`).

    Args:
        given: A file like tracks.json, or a folder with a folder of masks for each clip. None: what lies where sets in
            our layout have it, which is tracks.json beside the labels or above `testing`, and for clips that it does
            not name the folder `masks` beside that of the frames.
        labels: The file of labels.
        clips: Each clip's folder or file.
        frames: Each clip's frames.

    Returns:
        None where nothing was given and nothing lies there.

    Raises:
        XadError: There is no such file or folder, it is damaged, or does not fit the clips.
    """
    if given is not None and not given.exists():
        raise XadError(f"{given}: no such file or folder; name a tracks.json, or a folder of masks", exit_code=2)
    root = next(iter(clips.values())).parent
    files = [labels.parent / TRACKS, root.parent.parent / TRACKS] if given is None else [given]
    file = next((path for path in files if path.is_file()), None)
    lengths = {clip: len(numbers) for clip, numbers in frames.items()}
    tracks = dict[str, Tracks](read_tracks(file, lengths)) if file else {}
    folder = root.parent / "masks" if given is None else given
    masks = {clip: folder / clip for clip in clips if clip not in tracks and (folder / clip).is_dir()}
    tracks |= {clip: _from_masks(folder, clips[clip], lengths[clip]) for clip, folder in masks.items()}
    if not tracks:
        if given is not None:
            raise XadError(f"{given}: has nothing for any of the clips {', '.join(clips)}; name theirs")
        return None
    return TrueRegions(" and ".join(str(path) for path in (file, folder if masks else None) if path), tracks)


def _from_masks(folder: Path, clip: Path, frames: int) -> Tracks:
    paths = frame_paths(folder)
    if len(paths) != frames:
        raise XadError(f"{folder}: {len(paths)} masks for the {frames} frames of {clip}; there must be one per frame")
    first = read_clip(clip)
    labelled = LabelledClip(clip.name, clip, MaskFiles(paths), length=frames)
    return linked(labelled.patches((first.height, first.width)))


def disagreement(labels: Labels, regions: TrueRegions, frames: Frames) -> list[str]:
    """What is to be said where labels and regions do not speak of the same frames."""
    labelled = {
        (clip, place)
        for clip, numbers in frames.items()
        for place, number in enumerate(numbers)
        if labels.frames.get((clip, number))
    }
    placed = {(clip, frame) for clip in frames for boxes in regions.tracks.get(clip, {}).values() for frame in boxes}
    notes = []
    if alone := len(labelled - placed):
        notes.append(f"{alone} labelled frames have no true region, so that nothing can be named there: they score 0")
    if bare := len(placed - labelled):
        notes.append(f"{bare} frames with a true region are not labelled")
    odd = {shift: len(_shifted(labelled, shift) ^ placed) for shift in (-1, 0, 1)}
    best = min(odd, key=lambda shift: (odd[shift], abs(shift)))
    if best:
        notes.append(
            f"labels moved by {best:+d} frame would disagree with the regions in {odd[best]} frames instead of "
            f"{odd[0]}: look whether they count a clip's first frame as its name does (--first)"
        )
    return notes


def _shifted(places: Iterable[tuple[str, int]], shift: int) -> set[tuple[str, int]]:
    return {(clip, place + shift) for clip, place in places}
