"""The laboratory scenes (SDLs): checks of pictures of an experiment, each with verdict, type, sentence and boxes.

    DIR/records.json   [{"Image_Id", "step", "phase", "CheckDev", "Views", "Distance", "Detection_Content",
                       "Anomaly_Label", "Anomaly_Type", "Anomaly_Label_Description",
                       "Grounding": [{"text_span", "bbox"}]}]
    DIR/data/image/*   the pictures; several checks may look at one

Source: github.com/letsgo-2/sdls-abnormaldetect, CC BY 4.0.

What normal looks like must be learned from the set itself, of pictures that are normal in every check that looks at
them. Of each arrangement of things (pictures by one camera of which all checks say the same, from several views and
distances) half of such pictures, drawn with a seed, are learned from and asked about in no check; nor are their copies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xad_agent.errors import XadError, clean
from xad_agent.eval.answer_sets import DEFECTIVE
from xad_agent.eval.layout import GOOD
from xad_agent.eval.reading import content, read_json
from xad_agent.evidence import Box

FILE = "records.json"
ABNORMAL = "Abnormal region"
_LAYOUT = '[{"Image_Id": "data/image/0032.jpg", "step", "phase", "Detection_Content", "Anomaly_Label": true, ...}]'
_TEXTS = ("Image_Id", "step", "phase", "CheckDev", "Views", "Distance", "Detection_Content")


@dataclass(frozen=True)
class Check:
    """One check of one picture.

    Attributes:
        image: The picture's path as the records give it.
        path: The picture.
        step: Step and phase: "step4 post".
        camera: What took it.
        content: What is checked, in words.
        anomalous: Whether it is.
        type: Of the anomaly; "" where there is none.
        sentence: What is the case, in words.
        boxes: Where it is anomalous, in px; none where nothing says so.
    """

    image: str
    path: Path
    step: str
    camera: str
    content: str
    anomalous: bool
    type: str
    sentence: str
    boxes: tuple[Box, ...]

    @property
    def name(self) -> str:
        """The step and the picture: "step4 post: data/image/0032.jpg"."""
        return f"{self.step}: {self.image}"

    @property
    def kind(self) -> str:
        """The step and whether it is anomalous, which a limit is the limit of."""
        return f"{self.step}, {DEFECTIVE if self.anomalous else GOOD}"

    @property
    def normal_of(self) -> str:
        """What is normal of pictures with the same: what is checked, and by which camera."""
        return f"{self.content} ({self.camera})"

    def truth(self, height: int, width: int) -> np.ndarray:
        """Where it is anomalous, bool (H, W)."""
        mask = np.zeros((height, width), dtype=bool)
        for x0, y0, x1, y1 in self.boxes:
            mask[y0:y1, x0:x1] = True
        return mask


@dataclass(frozen=True)
class SceneSet:
    """The checks of a folder, parted.

    Attributes:
        root: The folder.
        checks: Those to ask about.
        normal: `Check.normal_of` -> pictures to learn from.
        scenes: Picture -> the number of its arrangement; what is said of one is hardly independent.
    """

    root: Path
    checks: tuple[Check, ...]
    normal: Mapping[str, tuple[Path, ...]]
    scenes: Mapping[str, int]


def read_scenes(directory: str | Path, seed: int = 0) -> SceneSet:
    """The checks in a folder, and normal pictures to learn from that are in none of them.

    Raises:
        XadError: The file is missing or damaged, or a record is incomplete, names a check twice, a picture that is not
            there, or a box that is none.
    """
    root = Path(directory)
    given = read_json(root / FILE, _LAYOUT)
    if not isinstance(given, list) or not given:
        raise XadError(f"{root / FILE}: holds no records; give {_LAYOUT}")
    checks = [_check(root, number, record) for number, record in enumerate(given, 1)]
    names = [check.name for check in checks]
    if twice := next((name for number, name in enumerate(names) if name in names[:number]), None):
        raise XadError(f"{root / FILE}: has two records of {twice}; keep one")
    scenes = _scenes(checks)
    learned = _learned(checks, scenes, seed)
    copies = {content(check.path) for check in checks if check.image in learned}
    left = tuple(check for check in checks if check.image not in learned and content(check.path) not in copies)
    normal: dict[str, dict[Path, None]] = {check.normal_of: {} for check in left}
    for check in checks:
        if check.image in learned and check.normal_of in normal:
            normal[check.normal_of][check.path] = None
    return SceneSet(root, left, {of: tuple(paths) for of, paths in normal.items()}, scenes)


def _check(root: Path, number: int, record: Any) -> Check:
    where = f"{root / FILE}: record {number}"
    if not isinstance(record, dict) or not isinstance(record.get("Anomaly_Label"), bool):
        raise XadError(f"{where}: needs Anomaly_Label, true or false; records look like {_LAYOUT}")
    if absent := next((key for key in _TEXTS if not isinstance(record.get(key), str) or not record[key]), None):
        raise XadError(f"{where}: needs {absent}, a text")
    path = root / record["Image_Id"]
    if ".." in Path(record["Image_Id"]).parts or not path.is_file():
        raise XadError(f"{where}: there is no picture {clean(record['Image_Id'])} in {root}; put it there")
    sentence, kind = record.get("Anomaly_Label_Description"), record.get("Anomaly_Type")
    return Check(
        image=record["Image_Id"],
        path=path,
        step=f"{record['step']} {record['phase']}",
        camera=record["CheckDev"],
        content=record["Detection_Content"],
        anomalous=record["Anomaly_Label"],
        type=str(kind or ""),
        sentence=str(sentence or ""),
        boxes=tuple(_boxes(where, record.get("Grounding") or [])),
    )


def _boxes(where: str, grounding: Any) -> list[Box]:
    boxes: list[Box] = []
    region: Any
    for region in grounding if isinstance(grounding, list) else [None]:
        box = region.get("bbox") if isinstance(region, dict) else None
        sides = box if isinstance(box, list) and all(type(side) is int for side in box) else []
        if len(sides) != 4 or not (0 <= sides[0] < sides[2] and 0 <= sides[1] < sides[3]):
            raise XadError(f"{where}: Grounding has {clean(str(region))}; a bbox is x0, y0, x1, y1 in whole px")
        if region.get("text_span") == ABNORMAL:
            boxes.append((sides[0], sides[1], sides[2], sides[3]))
    return boxes


def _scenes(checks: Sequence[Check]) -> dict[str, int]:
    """The number of each picture's arrangement: the camera, and what all checks of it say."""
    said: dict[str, set[tuple[str, str]]] = {}
    for check in checks:
        said.setdefault(check.image, {("camera", check.camera)}).add((check.step, check.sentence))
    numbers: dict[frozenset[tuple[str, str]], int] = {}
    return {image: numbers.setdefault(frozenset(what), len(numbers)) for image, what in said.items()}


def _learned(checks: Sequence[Check], scenes: Mapping[str, int], seed: int) -> set[str]:
    """Of each arrangement that is always normal half of the pictures, one more where they are odd in number."""
    anomalous = {check.image for check in checks if check.anomalous}
    random = np.random.default_rng(seed)
    learned: set[str] = set()
    for scene in dict.fromkeys(scenes.values()):
        normal = sorted(image for image, of in scenes.items() if of == scene and image not in anomalous)
        chosen = random.permutation(len(normal))[: (len(normal) + 1) // 2]
        learned |= {normal[place] for place in chosen}
    return learned
