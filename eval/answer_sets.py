"""What `xad eval answers` asks about in the layouts of `xad eval images` and `xad eval clips`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from xad_agent.errors import XadError
from xad_agent.eval.answer_names import Names, plain
from xad_agent.eval.clip_layout import is_clip_set, read_clip_set
from xad_agent.eval.clip_truth import LabelledClip
from xad_agent.eval.layout import GOOD, Sample, read_category
from xad_agent.eval.xman_labels import check_frames, frame_numbers, read_labels
from xad_agent.prompts import vocabulary

DEFECTIVE = "defective"
LABELS = "explanations.json"


@dataclass(frozen=True)
class Item:
    """One picture or clip to ask about.

    Attributes:
        name: What results call it: "scratch/003.png".
        kind: "good" or "defective".
        path: What the agent is shown.
        truth: Where the defect is, bool (H, W), from the frame (0 of a picture), H and W.
        type: Of the defect, by its folder; "" of a clip.
        labels: The classes that are there; None where nothing says so.
    """

    name: str
    kind: str
    path: Path
    truth: Callable[[int, int, int], np.ndarray]
    type: str = ""
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ItemSet:
    """What to ask about, and normal media to learn from (none where nothing is to be learned).

    Attributes:
        names: How names are held against the labels; None where there are no labels.
    """

    name: str
    root: Path
    medium: str
    normal: tuple[Path, ...]
    items: tuple[Item, ...]
    names: Names | None = None


def read_set(directory: Path, learn: bool = True) -> ItemSet:
    """The pictures or clips in a folder; a clip is defective where one of its masks marks a pixel.

    Pictures are labelled by their folders, clips by a file explanations.json in X-MAN's layout, where there is one.

    Raises:
        XadError: As `read_category` or `read_clip_set` says; the labels are damaged, or of frames that are not there;
            or the set has several scenes, or clips
            without masks.
    """
    if is_clip_set(directory):
        return _clips(directory)
    found = read_category(directory, learn=learn)
    types = dict.fromkeys(sample.kind for sample in found.test if sample.defective)
    known = [kind for kind in types if plain(kind) not in vocabulary("evaluation")["no_types"]]
    names = Names.of_types(known) if known else None
    items = tuple(_picture(sample, names) for sample in found.test)
    return ItemSet(found.name, found.root, "picture", found.normal, items, names)


def _picture(sample: Sample, names: Names | None) -> Item:
    labels = (tuple(names.true_of(sample.kind)) if sample.defective else ()) if names else None
    return Item(sample.name, _kind(sample.defective), sample.path, partial(_picture_truth, sample), sample.kind, labels)


def _clips(directory: Path) -> ItemSet:
    found = read_clip_set(directory)
    if len(found.normal) > 1:
        raise XadError(f"{directory}: {len(found.normal)} scenes, an agent has one profile; take a set of one scene")
    if bare := [clip.name for clip in found.testing if not clip.masked]:
        raise XadError(f"{directory}: no masks of clips {', '.join(bare[:4])}; without, no place is known to be true")
    file = found.root / LABELS
    classes: dict[str, set[str]] = {clip.name: set() for clip in found.testing}
    if labelled := file.is_file():
        labels = read_labels(file)
        check_frames(labels, frame_numbers(found.root / "testing" / "frames"))
        for (clip, _), there in labels.frames.items():
            classes[clip] |= there
    items = tuple(
        Item(
            clip.name,
            _kind(bool(clip.labels.any())),
            clip.path,
            partial(_clip_truth, clip),
            labels=tuple(sorted(classes[clip.name])) if labelled else None,
        )
        for clip in found.testing
    )
    names = Names.of_classes(labels.classes) if labelled else None
    return ItemSet(found.name, found.root, "clip", found.training, items, names)


def _kind(defective: bool) -> str:
    return DEFECTIVE if defective else GOOD


def _clip_truth(clip: LabelledClip, frame: int, height: int, width: int) -> np.ndarray:
    mask = clip.mask(frame)  # of what size they are is checked when the set is read
    return np.zeros((height, width), bool) if mask is None else mask


def _picture_truth(sample: Sample, frame: int, height: int, width: int) -> np.ndarray:
    return sample.mask(height, width)
