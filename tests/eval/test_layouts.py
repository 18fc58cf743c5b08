"""The layouts beside MVTec's: what is read, which is recognised, and what each mistake says."""

import json

import numpy as np
import pytest
from PIL import Image

from xad_agent.errors import XadError
from xad_agent.eval.layout import read_category, read_layout

SIZE = (4, 6)
MARK = np.pad([[255]], ((1, 2), (2, 3)))


def save(path, pixels=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8) if pixels is None else np.asarray(pixels, np.uint8)).save(path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def btad(root):
    save(root / "train/ok/0000.bmp")
    save(root / "test/ok/0001.png")
    for name, suffix in (("0002", "png"), ("0003", "bmp")):
        save(root / f"test/ko/{name}.png")
        save(root / f"ground_truth/ko/{name}.{suffix}", MARK)
    return root


def ksdd2(root):
    for part in ("train", "test"):
        for name, mask in (("1", MARK * 0), ("2", MARK), ("3", MARK * 0)):
            save(root / f"{part}/{name}.png")
            save(root / f"{part}/{name}_GT.png", mask)
    return root


def visa(root, split=True, types=True):
    """The class `candle` in its data set; the folder of the class."""
    candle = root / "candle"
    normal = [f"candle/Data/Images/Normal/{n:04}.JPG" for n in range(12)]
    bad = [(f"candle/Data/Images/Anomaly/{n:03}.JPG", f"candle/Data/Masks/Anomaly/{n:03}.png") for n in range(3)]
    for name in [*normal, *(name for name, _ in bad)]:
        save(root / name)
    for _, mask in bad:
        save(root / mask, MARK // 255)
    rows = [f"candle,{'test' if n < 2 else 'train'},normal,{name}," for n, name in enumerate(normal)]
    rows += [f"candle,test,anomaly,{name},{mask}" for name, mask in bad]
    if split:
        write(root / "split_csv/1cls.csv", "\n".join(["object,split,label,image,mask", *rows, "fryum,train,normal,x,"]))
    if types:
        labels = ("melted wax", '"stain,melted wax"', "stain")
        lines = [f"{name},{label},{mask}" for (name, mask), label in zip(bad, labels, strict=True)]
        write(candle / "image_anno.csv", "\n".join(["image,label,mask", f"{normal[0]},normal,", *lines]))
    return candle


CONFIG = [
    {"defect_name": "missing", "pixel_value": 255, "saturation_threshold": 2, "relative_saturation": False},
    {"defect_name": "scratch", "pixel_value": 7, "saturation_threshold": 0.5, "relative_saturation": True},
]
BLOCK = np.pad(np.ones((2, 2)), ((1, 1), (1, 3)))  # 4 px


def loco(root):
    save(root / "train/good/000.png")
    save(root / "validation/good/001.png")
    save(root / "test/good/002.png")
    for kind, masks in (("logical_anomalies", [BLOCK * 255, MARK]), ("structural_anomalies", [BLOCK * 7])):
        save(root / f"test/{kind}/000.png")
        for number, mask in enumerate(masks):
            save(root / f"ground_truth/{kind}/000/{number:03}.png", mask)
    write(root / "defects_config.json", json.dumps(CONFIG))
    return root


BOXES = {"a": "1 1 3 3 1\n2,0,5,2,6\n", "b": "0 0 6 4 spur", "c": ""}


def pairs(root, lists=True):
    for name, boxes in BOXES.items():
        save(root / f"group1/1/{name}_temp.png")
        save(root / f"group1/1/{name}_test.png")
        write(root / f"group1/1_not/{name}.txt", boxes)
    if lists:
        write(root / "trainval.txt", "group1/1/b.png group1/1_not/b.txt\n")
        write(root / "test.txt", "group1/1/a.png group1/1_not/a.txt\ngroup1/1/c.png group1/1_not/c.txt\n")
    return root


def names(category):
    return [sample.name for sample in category.test]


def test_btad(tmp_path):
    found = read_category(btad(tmp_path / "01"))
    assert (found.layout, found.name, [p.name for p in found.normal]) == ("BTAD", "01", ["0000.bmp"])
    assert names(found) == ["good/0001.png", "ko/0002.png", "ko/0003.png"]
    assert [sample.mask(*SIZE).sum() for sample in found.test] == [0, 1, 1]


def test_ksdd2_takes_what_has_a_black_mask_for_good(tmp_path):
    found = read_category(ksdd2(tmp_path / "ksdd2"))
    assert (found.layout, [path.name for path in found.normal]) == ("KSDD2", ["1.png", "3.png"])
    assert names(found) == ["good/1.png", "good/3.png", "defect/2.png"]
    assert found.notes == ("1 training pictures with defects were not learned from",)
    assert np.array_equal(found.test[2].mask(*SIZE), MARK > 0)


def test_visa_by_its_split_and_types(tmp_path):
    found = read_category(visa(tmp_path))
    assert (found.layout, found.name, len(found.normal), found.notes) == ("VisA", "candle", 10, ())
    kinds = [(sample.kind, sample.path.name) for sample in found.test if sample.defective]
    assert kinds == [("combined", "001.JPG"), ("melted wax", "000.JPG"), ("stain", "002.JPG")]
    assert [sample.path.name for sample in found.test if not sample.defective] == ["0000.JPG", "0001.JPG"]
    assert found.test[-1].mask(*SIZE).sum() == 1


def test_visa_without_split_and_types(tmp_path):
    found = read_category(visa(tmp_path, split=False, types=False))
    assert (len(found.normal), names(found)[0]) == (11, "good/0009.JPG")
    assert {sample.kind for sample in found.test} == {"good", "anomaly"}
    assert "every 10th normal picture is tested on" in found.notes[0]


def test_visa_as_a_whole(tmp_path):
    visa(tmp_path)
    assert [found.name for found in read_layout(tmp_path)] == ["candle"]


def test_loco_has_a_mask_for_each_defect(tmp_path):
    found = read_category(loco(tmp_path / "box"))
    assert (found.layout, [path.name for path in found.normal]) == ("MVTec LOCO", ["000.png", "001.png"])
    assert names(found) == ["good/002.png", "logical_anomalies/000.png", "structural_anomalies/000.png"]
    logical, structural = found.test[1:]
    assert [(one.name, one.mask.sum(), one.saturation) for one in logical.defects()] == [
        ("missing", 4, 2),
        ("missing", 1, 1),  # at most its area
    ]
    assert [(one.name, one.saturation) for one in structural.defects()] == [("scratch", 2)]
    assert np.array_equal(logical.mask(*SIZE), (BLOCK + MARK) > 0)


def test_pairs_by_their_lists(tmp_path):
    found = read_category(pairs(tmp_path / "boards"))
    assert (found.layout, [path.name for path in found.normal]) == ("pairs", ["b_temp.png"])
    assert names(found) == ["1/c_test.png", "1/a_test.png"]
    good, bad = found.test
    assert (good.kind, bad.kind, bad.reference.name) == ("good", "defective", "a_temp.png")
    assert [tuple(box) for box in bad.boxes] == [(1, 1, 3, 3, "open"), (2, 0, 5, 2, "pin-hole")]
    assert bad.mask(*SIZE).sum() == 4 + 6 - 1
    assert [box.type for box in found.train[0].boxes] == ["spur"]


def test_pairs_without_lists_are_divided(tmp_path):
    found = read_category(pairs(tmp_path / "boards", lists=False))
    assert (names(found), [sample.path.name for sample in found.train]) == (
        ["1/b_test.png"],
        ["a_test.png", "c_test.png"],
    )
    assert "every second pair" in found.notes[0]


@pytest.mark.parametrize(
    "make",
    [btad, ksdd2, lambda root: visa(root).parent, loco, pairs],
    ids=["BTAD", "KSDD2", "VisA", "LOCO", "pairs"],
)
def test_nothing_to_learn_from_is_asked_for_where_nothing_is_learned(tmp_path, make):
    (found,) = read_layout(make(tmp_path / "set"), learn=False)
    assert found.normal == ()
    assert found.test


def remove(path):
    return lambda root: (root / path).unlink()


def spoil_config(**changes):
    return lambda root: write(root / "defects_config.json", json.dumps([CONFIG[0] | changes, CONFIG[1]]))


def put(path, text):
    return lambda root: write(root / path, text)


def draw(path, pixels):
    return lambda root: save(root / path, pixels)


def empty(path):
    return lambda root: [file.unlink() for file in (root / path).iterdir()]


SPLIT = "../split_csv/1cls.csv"
LOGICAL = "ground_truth/logical_anomalies/000"
A = "group1/1_not/a.txt"


@pytest.mark.parametrize(
    ("make", "spoil", "says"),
    [
        (btad, remove("ground_truth/ko/0002.png"), "0002.png: its mask is missing"),
        (btad, draw("ground_truth/ko/0002.png", MARK.T), "0002.png: the mask is 4 x 6 px, .* is 6 x 4"),
        (btad, empty("train/ok"), "train/ok: no normal pictures to learn from"),
        (btad, put("ground_truth/ko/0003.bmp", "x"), "0003.bmp: the mask cannot be read"),
        (ksdd2, remove("test/2_GT.png"), "2.png: its mask 2_GT.png is missing"),
        (ksdd2, put("train/1_GT.png", "x"), "1_GT.png: the mask cannot be read"),
        (ksdd2, lambda r: [save(r / f"train/{n}_GT.png", MARK) for n in "13"], "there is nothing normal to learn from"),
        (ksdd2, draw("test/2_GT.png", MARK.T), "2_GT.png: the mask is 4 x 6 px"),
        (visa, remove("Data/Masks/Anomaly/001.png"), "line 15 names .*001.png, which is not there"),
        (visa, put(SPLIT, "object,split\n"), "has no column label, image, mask; it must have object"),
        (visa, put(SPLIT, "object,split,label,image,mask\n"), "names no normal picture of candle to learn from"),
        (visa, put("image_anno.csv", "picture\n"), "image_anno.csv: has no column image, label"),
        (loco, remove("defects_config.json"), "defects_config.json: cannot be read"),
        (loco, put("defects_config.json", "{}"), "must be a list of entries"),
        (loco, put("defects_config.json", json.dumps(CONFIG[:1])), "no entry of pixel_value 7; add it"),
        (loco, put("defects_config.json", '[{"defect_name": "x"}]'), "entry 1 is not whole .*pixel_value"),
        (loco, spoil_config(pixel_value=0), "entry 1 has pixel_value 0"),
        (loco, spoil_config(saturation_threshold=1.5, relative_saturation=True), "saturation_threshold 1.5"),
        (loco, spoil_config(saturation_threshold="much"), "entry 1 is not whole"),
        (loco, draw(f"{LOGICAL}/000.png", np.maximum(BLOCK * 7, MARK)), "the mask has 2 grey levels besides black"),
        (loco, draw(f"{LOGICAL}/000.png", MARK * 0), "the mask has 0 grey levels besides black"),
        (loco, draw(f"{LOGICAL}/001.png", MARK.T), "001.png: the mask is 4 x 6 px"),
        (loco, empty(LOGICAL), "000.png: its masks are missing"),
        (pairs, put(A, "3 1 1 3 1"), "a.txt: line 1: the box 3 1 1 3 is inverted or empty"),
        (pairs, put(A, "\n1 1 7 3 1"), "a.txt: line 2: the box 1 1 7 3 is not within its picture of 6 x 4 px"),
        (pairs, put(A, "-1 1 3 3 1"), "is not within its picture"),
        (pairs, put(A, "1 1 3 3 9"), r"has the type '9'; there are 1 open, .* 6 pin-hole"),
        (pairs, put(A, "1 1 3 3"), "is not x1 y1 x2 y2 type, in whole px: '1 1 3 3'"),
        (pairs, put(A, "a 1 3 3 1"), "is not x1 y1 x2 y2 type"),
        (pairs, remove(A), "a_test.png: its boxes are missing"),
        (pairs, remove("group1/1/a_test.png"), "a_temp.png: its picture a_test.png is missing"),
        (pairs, remove("group1/1/a_temp.png"), "test.txt: line 1 names group1/1/a.png, of which there is no _temp"),
        (pairs, put("trainval.txt", "group1/1/a.png x"), "a.png is in trainval.txt and in test.txt"),
        (pairs, put("trainval.txt", ""), "no pair to develop on"),
        (pairs, put("test.txt", "\n"), "no pair to test on"),
    ],
)
def test_mistakes_are_one_line_before_anything_is_scored(tmp_path, make, spoil, says):
    root = make(tmp_path / "set")
    spoil(root)
    with pytest.raises(XadError, match=says) as caught:
        read_category(root)
    assert "\n" not in str(caught.value)


def test_a_set_without_anomalies_or_without_good_tests_is_read(tmp_path):
    root = btad(tmp_path / "set")
    for path in (root / "test/ko").iterdir():
        path.unlink()
    (root / "test/ko").rmdir()
    assert names(read_category(root)) == ["good/0001.png"]
    for path in (ksdd2(tmp_path / "other") / "test").glob("[13]*"):
        path.unlink()
    assert names(read_category(tmp_path / "other")) == ["defect/2.png"]


def test_what_is_unknown_names_the_layouts(tmp_path):
    write(tmp_path / "x/notes/a.txt", "")
    with pytest.raises(XadError) as caught:
        read_layout(tmp_path / "x")
    for name in ("MVTec (", "VisA (", "BTAD (", "KSDD2 (", "MVTec LOCO (", "pairs ("):
        assert name in str(caught.value)


@pytest.mark.data
def test_deeppcb(data):
    found = read_category(data / "deeppcb" / "PCBData")
    assert (found.layout, len(found.train), len(found.test)) == ("pairs", 50, 124)
    assert sum(len(sample.boxes) for sample in found.test) == 852
