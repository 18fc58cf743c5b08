"""`evaluate_images` on a small set of pairs: what is counted, kept, shown and said."""

import json

import numpy as np
import pytest
from PIL import Image

from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch
from xad_agent.eval.images import as_text, evaluate_images

SIDE = 128
TRACKS = np.full((SIDE, SIDE), 230, np.uint8)
TRACKS[20:-20:24] = TRACKS[21:-20:24] = TRACKS[22:-20:24] = TRACKS[23:-20:24] = 20


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.repeat(pixels[..., None], 3, axis=2)).save(path)


def spotted(*corners):
    """The tracks with spots of 6 px, and a little noise."""
    pixels = TRACKS + np.random.default_rng(len(corners)).integers(0, 3, TRACKS.shape).astype(np.uint8)
    for x, y in corners:
        pixels[y : y + 6, x : x + 6] = 20
    return pixels


def pair(root, name, pixels, boxes):
    save(root / f"g/1/{name}_temp.png", TRACKS)
    save(root / f"g/1/{name}_test.png", pixels)
    (root / "g/1_not").mkdir(exist_ok=True)
    (root / f"g/1_not/{name}.txt").write_text("".join(f"{x - 3} {y - 3} {x + 9} {y + 9} {t}\n" for x, y, t in boxes))


@pytest.fixture
def boards(tmp_path):
    """Two pairs to develop on; a good one; one with an open that is there, a spur that is not, and an unboxed spot."""
    root = tmp_path / "boards"
    for name in ("a", "b"):
        pair(root, name, spotted((30, 30)), [(30, 30, 1)])
    pair(root, "c", spotted(), [])
    pair(root, "d", spotted((50, 52), (90, 100)), [(50, 52, 1), (20, 76, 4)])
    (root / "trainval.txt").write_text("g/1/a.png g/1_not/a.txt\ng/1/b.png g/1_not/b.txt\n")
    (root / "test.txt").write_text("g/1/c.png g/1_not/c.txt\ng/1/d.png g/1_not/d.txt\n")
    return root


def quiet(tmp_path=None, **options):
    return Batch(output=tmp_path, progress=False, **options)


def test_what_is_counted(boards):
    result = json.loads(json.dumps(evaluate_images(boards, batch=quiet())))
    assert (result["layout"], result["detector"]) == ("pairs", "reference")
    assert result["n"] == {"train": 2, "normal": 1, "defective": 1, "failed": 0, "boxes": 2}
    assert {name: (row["n"], row["recall"]["hits"]) for name, row in result["types"].items()} == {
        "open": (1, 1),
        "spur": (1, 0),
    }
    assert (result["box_precision"]["hits"], result["box_precision"]["n"]) == (1, 2)
    assert result["box_recall"]["value"] == result["box_f_score"] == 0.5
    assert result["box_ap"] in (0.5, 0.25)  # whichever of the two spots is the more confident
    assert result["image_auroc"] == 1.0
    assert (result["false_alarm_rate"]["hits"], result["false_alarm_rate"]["n"]) == (1, 2)  # the spot nobody boxed
    good, bad = result["items"]
    assert (good["item"], good["anomalous"], bad["boxes_found"], bad["boxes_wrong"]) == ("1/c_test.png", False, 1, 1)
    assert bad["f_score"] == 0.5
    assert any("not comparable with published ones" in note for note in result["notes"])


def test_the_table_says_what_is_measured(boards):
    text = as_text(evaluate_images(boards, batch=quiet()))
    assert "limit from 2 pairs, tested on 1 defective with 2 boxes and 1 good, 0 failed" in text
    assert "recall of spur" in text
    assert "average precision of boxes, any type" in text


def test_the_limit_is_of_what_is_outside_of_the_boxes(boards):
    """Without their boxes, the spots of the pairs to develop on count as normal, and nothing is anomalous."""
    before = evaluate_images(boards, batch=quiet())["threshold"]
    for name in ("a", "b"):
        (boards / f"g/1_not/{name}.txt").write_text("")
    after = evaluate_images(boards, batch=quiet())
    assert after["threshold"] > 5 * before
    assert after["box_recall"]["hits"] == 0


def test_it_goes_on_where_it_was_and_shows_examples(boards, tmp_path):
    first = evaluate_images(boards, batch=quiet(tmp_path / "out"))
    page = tmp_path / "page.html"
    again = evaluate_images(boards, batch=quiet(tmp_path / "out", report=page))
    assert again["items"] == first["items"]
    text = page.read_text()
    for shown in ("best: 1/d_test.png", "Found at the limit, by type", "ROC of pictures", "Boxes, any type"):
        assert shown in text


def test_shards_gather_to_the_whole(boards, tmp_path):
    from xad_agent.eval.sampling import Shard

    whole = evaluate_images(boards, batch=quiet())
    for number in (1, 2):
        evaluate_images(boards, batch=quiet(tmp_path / "out", shard=Shard(number, 2)))
    gathered = evaluate_images(boards, batch=quiet(tmp_path / "out"))
    assert (gathered["box_ap"], gathered["pixel_auroc"]) == (whole["box_ap"], whole["pixel_auroc"])


def test_an_unreadable_picture_fails_alone(boards):
    (boards / "g/1/c_test.png").write_text("x")
    (boards / "g/1/a_test.png").write_text("x")
    result = evaluate_images(boards, batch=quiet())
    assert (result["n"]["failed"], result["n"]["train"]) == (1, 1)
    assert result["failed"][0]["item"] == "1/c_test.png"
    assert result["image_auroc"] is None


def test_nothing_to_find_a_limit_on_is_one_line(boards):
    for name in ("a", "b"):
        (boards / f"g/1/{name}_temp.png").write_text("x")
    with pytest.raises(XadError, match="no pair to develop on could be used") as caught:
        evaluate_images(boards, batch=quiet())
    assert "\n" not in str(caught.value)


def test_a_set_without_defects_has_no_figures_of_boxes(boards):
    (boards / "g/1_not/d.txt").write_text("")
    result = evaluate_images(boards, batch=quiet())
    assert (result["box_ap"], result["box_recall"]["n"], result["types"]) == (None, 0, {})
    assert as_text(result)


def test_another_alpha_is_not_gone_on_with(boards, tmp_path):
    evaluate_images(boards, batch=quiet(tmp_path / "out"))
    with pytest.raises(XadError, match=r"other settings \(alpha"):
        evaluate_images(boards, alpha=0.2, batch=quiet(tmp_path / "out"))
