"""VisA's layout, as it is published, before it is split into folders.

    DIR/<class>/Data/Images/{Normal,Anomaly}/*  pictures
    DIR/<class>/Data/Masks/Anomaly/<stem>.png   masks of the anomalous ones
    DIR/<class>/image_anno.csv                  optional: image, label, mask; the label names the types of defect
    DIR/split_csv/1cls.csv                      object, split, label, image, mask; paths below DIR

Source: Zou et al., "SPot-the-Difference", ECCV 2022.
"""

import csv
from pathlib import Path

from xad_agent.errors import XadError
from xad_agent.eval.samples import GOOD, Category, Sample, in_order, pictures_in

LAYOUT = "VisA"
FORM = "Data/Images/Normal, Data/Images/Anomaly, Data/Masks/Anomaly, split_csv/1cls.csv beside the class"
ANOMALY, COMBINED = "anomaly", "combined"
_SPLIT = Path("split_csv") / "1cls.csv"
_COLUMNS = ("object", "split", "label", "image", "mask")
_EVERY = 10  # without a split, every so many-th normal picture is tested on: the share that the published split has


def is_visa(root: Path) -> bool:
    """Whether a folder is one class."""
    return (root / "Data" / "Images").is_dir()


def read_visa(root: Path, learn: bool) -> Category:
    """One class, split as split_csv/1cls.csv says; without that file every tenth normal picture is tested on.

    Anomalous pictures are of the type that image_anno.csv names, of several types "combined", and without it "anomaly".

    Raises:
        XadError: The split cannot be read, or has no normal picture to learn from or none to test on, or a picture or
            mask is missing, or a mask has another size than its picture.
    """
    table = root.resolve().parent / _SPLIT
    if table.is_file():
        normal, test = _split(root, table)
        notes: tuple[str, ...] = ()
    else:
        normal, test = _by_folders(root)
        notes = (f"there is no {_SPLIT}: every {_EVERY}th normal picture is tested on, the others are learned from",)
    if learn and not normal:
        raise XadError(f"{table}: names no normal picture of {root.resolve().name} to learn from")
    if not test:
        raise XadError(f"{table}: names no picture of {root.resolve().name} to test on")
    return Category(root.resolve().name, root, tuple(normal) if learn else (), in_order(test), LAYOUT, notes)


def _split(root: Path, table: Path) -> tuple[list[Path], list[Sample]]:
    kinds, above = _kinds(root), table.parents[1]
    normal, test = [], []
    for number, row in enumerate(_rows(table, _COLUMNS), start=2):
        if row["object"] != root.resolve().name:
            continue
        path, mask = above / row["image"], above / row["mask"]
        good = row["label"] == "normal"
        for file in [path] if good else [path, mask]:
            if not file.is_file():
                raise XadError(f"{table}: line {number} names {file}, which is not there; take the line out")
        if row["split"] == "train" and good:
            normal.append(path)
        elif row["split"] == "test":
            test.append(Sample(path, GOOD, None) if good else Sample(path, kinds.get(path.name, ANOMALY), mask))
    return sorted(normal), test


def _by_folders(root: Path) -> tuple[list[Path], list[Sample]]:
    data, kinds = root / "Data", _kinds(root)
    normal = pictures_in(data / "Images" / "Normal", "normal pictures")
    anomalous = pictures_in(data / "Images" / "Anomaly", "anomalous pictures")
    test = [Sample(path, GOOD, None) for path in normal[_EVERY - 1 :: _EVERY]]
    for path in anomalous:
        mask = data / "Masks" / "Anomaly" / f"{path.stem}.png"
        if not mask.is_file():
            raise XadError(f"{path}: its mask is missing; put {mask.name} into {mask.parent}, or take the picture out")
        test.append(Sample(path, kinds.get(path.name, ANOMALY), mask))
    return [path for place, path in enumerate(normal, start=1) if place % _EVERY], test


def _kinds(root: Path) -> dict[str, str]:
    """The type of each anomalous picture, by its file's name, where image_anno.csv is there."""
    table = root / "image_anno.csv"
    if not table.is_file():
        return {}
    kinds = {}
    for row in _rows(table, ("image", "label")):
        types = sorted({part.strip() for part in row["label"].split(",") if part.strip()})
        if types != ["normal"]:
            kinds[Path(row["image"]).name] = types[0] if len(types) == 1 else COMBINED if types else ANOMALY
    return kinds


def _rows(table: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            rows = [{name: row.get(name) or "" for name in columns} for row in reader]
            found = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise XadError(f"{table}: cannot be read ({error}); write it again as comma-separated text") from error
    if missing := [name for name in columns if name not in found]:
        raise XadError(f"{table}: has no column {', '.join(missing)}; it must have {', '.join(columns)}")
    return rows
