"""MVTec's layout: what is read, and what each mistake says."""

import numpy as np
import pytest
from PIL import Image

from xad_agent.errors import XadError
from xad_agent.eval.layout import read_layout


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def category(root):
    for name in ("b", "a"):
        save(root / f"train/good/{name}.png", np.zeros((4, 6, 3)))
    save(root / "test/good/g.png", np.zeros((4, 6, 3)))
    for name in ("2", "1"):
        save(root / f"test/cut/{name}.png", np.zeros((4, 6, 3)))
        save(root / f"ground_truth/cut/{name}_mask.png", np.pad([[255]], ((1, 2), (2, 3))))
    return root


@pytest.fixture
def nut(tmp_path):
    return category(tmp_path / "nut")


def test_a_category(nut):
    (found,) = read_layout(nut)
    assert found.name == "nut"
    assert [path.name for path in found.normal] == ["a.png", "b.png"]
    assert [(s.name, s.defective) for s in found.test] == [
        ("good/g.png", False),
        ("cut/1.png", True),
        ("cut/2.png", True),
    ]
    assert not found.test[0].mask(4, 6).any()
    assert np.argwhere(found.test[1].mask(4, 6)).tolist() == [[1, 2]]


def test_a_folder_of_categories(nut):
    category(nut.parent / "bolt")
    (nut.parent / "notes").mkdir()
    assert [found.name for found in read_layout(nut.parent)] == ["bolt", "nut"]


def test_hidden_files_and_texts_are_no_pictures(nut):
    for name in ("train/good/._a.png", "train/good/notes.txt", "test/.DS_Store"):
        (nut / name).write_text("x")
    assert len(read_layout(nut)[0].normal) == 2


def test_a_mask_may_carry_the_pictures_own_name(nut):
    (nut / "ground_truth/cut/1_mask.png").rename(nut / "ground_truth/cut/1.png")
    assert read_layout(nut)[0].test[1].mask(4, 6).sum() == 1


MARK = np.pad([[1]], ((1, 2), (2, 3))).astype(np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(MARK),
        Image.fromarray(MARK * 255).convert("1"),
        Image.fromarray(MARK.astype(np.uint16)),
        Image.fromarray(np.dstack([MARK * 255] * 3)),
        Image.fromarray(np.dstack([MARK * 255] * 3 + [np.full_like(MARK, 255)])),
        Image.fromarray(np.dstack([MARK * 200, MARK * 0, MARK * 0])).quantize(2),
    ],
    ids=["labels 0 and 1", "1 bit", "16 bit", "rgb", "rgba, opaque", "palette"],
)
def test_masks_of_any_kind(nut, image):
    image.save(nut / "ground_truth/cut/1_mask.png")
    assert np.array_equal(read_layout(nut)[0].test[1].mask(4, 6), MARK > 0)


def test_a_picture_turned_by_exif_has_an_upright_mask(nut):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.zeros((6, 4, 3), np.uint8)).save(nut / "test/cut/1.png", exif=exif)
    assert read_layout(nut)[0].test[1].mask(4, 6).sum() == 1


def remove(path):
    def spoil(root):
        for file in [root / path] if (root / path).is_file() else (root / path).iterdir():
            file.unlink()

    return spoil


def write(path, pixels):
    return lambda root: save(root / path, pixels)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (remove("train/good"), r"train/good: no normal pictures to learn from; put some there"),
        (remove("test/cut"), r"test/cut: no pictures to test on"),
        (remove("ground_truth/cut/1_mask.png"), r"test/cut/1.png: its mask is missing; put 1_mask.png into"),
        (write("ground_truth/cut/1_mask.png", np.ones((6, 4))), r"1_mask.png: the mask is 4 x 6 px, .* is 6 x 4"),
        (lambda root: (root / "ground_truth/cut/1_mask.png").write_text("x"), r"1_mask.png: the mask cannot be read"),
    ],
    ids=["no normals", "empty type", "no mask", "mask of another size", "text named png"],
)
def test_mistakes_are_named_before_anything_is_scored(nut, spoil, says):
    spoil(nut)
    with pytest.raises(XadError, match=says) as caught:
        read_layout(nut)
    assert "\n" not in str(caught.value)


def test_a_black_mask_is_named_when_it_is_read(nut):
    save(nut / "ground_truth/cut/1_mask.png", np.zeros((4, 6)))
    with pytest.raises(XadError, match="marks no pixel"):
        read_layout(nut)[0].test[1].mask(4, 6)


def test_a_picture_that_cannot_be_read_is_left_to_the_scoring(nut):
    (nut / "test/cut/1.png").write_text("x")
    assert len(read_layout(nut)[0].test) == 3


@pytest.mark.parametrize("make", [False, True], ids=["missing", "empty"])
def test_no_category(tmp_path, make):
    if make:
        (tmp_path / "x").mkdir()
    with pytest.raises(
        XadError, match=r"no such folder|neither it nor a folder in it is in a layout that is known: MVTec LOCO"
    ) as caught:
        read_layout(tmp_path / "x")
    assert caught.value.exit_code == 2


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "counts"),
    [("mvtec_screw", ("screw", 320, 41, 119)), ("magnetic_tile", ("magnetic_tile", 500, 452, 388))],
)
def test_the_real_sets(data, folder, counts):
    (found,) = read_layout(data / folder)
    defective = sum(sample.defective for sample in found.test)
    assert (found.name, len(found.normal), len(found.test) - defective, defective) == counts
