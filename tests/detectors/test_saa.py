"""SAA+ by hand: a scripted finder and segmenter, and saliency that is told; then saliency itself."""

from math import exp

import numpy as np
import pytest

from tests.detectors.test_patchcore import stripes
from tests.tiny import tiny_backbone
from xad_agent.detectors import saa
from xad_agent.detectors.saa import SegmentAnyAnomaly, Suspect, fused, saliency
from xad_agent.errors import XadError
from xad_agent.media import read_picture
from xad_agent.perception.coco_finder import CocoFinder
from xad_agent.perception.embedded_segmenter import EmbeddedSegmenter
from xad_agent.perception.finding import Found
from xad_agent.perception.masks import Mask
from xad_agent.perception.objects import load_objects

SIDE = 20
PICTURE = read_picture(np.zeros((SIDE, SIDE, 3), np.uint8), name="plain.png")
SPOT, CORNER, WIDE = (2, 2, 6, 6), (14, 14, 18, 18), (0, 0, 20, 10)


class Finder:
    name, fingerprint = "scripted", ""

    def __init__(self, *found, vocabulary=None):
        self.found, self.vocabulary, self.asked = found, vocabulary, []

    def find(self, picture, phrases, threshold):
        self.asked.append((tuple(phrases), threshold))
        return [one for one in self.found if one.phrase in phrases and one.score > threshold]


class Segmenter:
    """The box itself; one that begins at x 9 holds nothing."""

    name = fingerprint = "scripted"

    def __init__(self):
        self.boxes = []

    def segment(self, picture, box=None, points=()):
        self.boxes.append(box)
        pixels = np.zeros((picture.height, picture.width), bool)
        x0, y0, x1, y1 = map(int, box)
        pixels[y0:y1, x0:x1] = x0 != 9
        return [Mask(pixels, 0.9), Mask(~pixels, 0.1)]


def found(box, score, phrase="defect", words=None):
    return Found(phrase, tuple(map(float, box)), score, phrase if words is None else words)


@pytest.fixture
def told(monkeypatch):
    """Saliency 0.5 in the lower right quarter, else 0.1."""
    values = np.full((SIDE, SIDE), 0.1, np.float32)
    values[10:, 10:] = 0.5
    monkeypatch.setattr(saa, "saliency", lambda picture, backbone: values)


def detector(*boxes, thing="nut", words=(), vocabulary=None):
    finder, segmenter = Finder(*boxes, vocabulary=vocabulary), Segmenter()
    return SegmentAnyAnomaly(finder, segmenter, thing, words, tiny_backbone()), finder, segmenter


def test_saliency_decides_between_places(told):
    one, _, _ = detector(found(SPOT, 0.4), found(CORNER, 0.3))
    best, second = one.regions(PICTURE)
    assert (best.phrase, best.confidence, second.confidence) == ("defect", 0.3, 0.4)
    assert best.score == pytest.approx(0.3 * exp(1.5))
    assert second.score == pytest.approx(0.4 * exp(0.3))
    assert best.mask.sum() == 16
    assert best.mask[14:18, 14:18].all()


def test_map_and_score_are_the_equation(told):
    one, _, _ = detector(found(SPOT, 0.4), found(SPOT, 0.2, "flaw on nut", "flaw"), found(CORNER, 0.3))
    result = one.score(PICTURE)
    twice = (0.4 + 0.2) * exp(0.3) / 3
    assert (result.values.dtype, result.values.shape, result.detector) == (np.float32, (20, 20), "segment-any-anomaly")
    assert result.values[3, 3] == pytest.approx(twice)
    assert result.values[15, 15] == pytest.approx(0.3 * exp(1.5) / 2)
    assert result.values[0, 0] == 0
    assert result.score == pytest.approx(0.3 * exp(1.5) / 2)


def test_fused_by_hand():
    left, both = np.array([[True, False]]), np.array([[True, True]])
    suspects = [Suspect("a", left, 1.0, 0.0), Suspect("b", both, 0.5, 0.0)]
    np.testing.assert_allclose(fused(suspects, (1, 2)), [[0.5, 0.25]])
    assert not fused([], (1, 2)).any()


def test_nothing_found_is_a_map_of_zeros(told):
    one, _, segmenter = detector()
    assert one.regions(PICTURE) == []
    result = one.score(PICTURE)
    assert (result.values.max(), result.score, result.values.shape, segmenter.boxes) == (0, 0, (20, 20), [])


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        ([found(WIDE, 0.5)], True),  # half the picture, and the thing was not found: less than 0.9 of the picture
        ([found((0, 0, 20, 19), 0.5)], False),  # 0.95 of the picture
        ([found((0, 0, 10, 10), 0.9, "nut"), found(SPOT, 0.5)], True),  # 16 px of a thing of 100
        ([found((0, 0, 10, 10), 0.9, "nut"), found(WIDE, 0.5)], False),  # 200 px
        ([found((0, 0, 20, 20), 0.9, "nut"), found((0, 0, 10, 10), 0.3, "nut"), found(WIDE, 0.5)], False),
        # a box of the whole picture is no thing in it
        ([found((0, 0, 4, 4), 0.05, "nut"), found(SPOT, 0.5)], True),  # below the threshold it is not the thing
        ([found((5, 5, 5, 9), 0.5)], False),  # no area
        ([found((9, 2, 12, 6), 0.5)], False),  # nothing in its mask
    ],
)
def test_area_limit(told, boxes, kept):
    assert bool(detector(*boxes)[0].regions(PICTURE)) is kept


@pytest.mark.parametrize(
    ("thing", "words", "kept"),
    [
        ("nut", "nut", False),
        ("nut", "defect nut", False),
        ("nut", "Nut", False),
        ("nut", "defect", True),
        ("nut", "hazelnut", True),  # another word
        ("metal nut", "nut", False),  # its last word is what it is
        ("metal nut", "metal", True),
        ("", "object", False),
        ("", "defect", True),
    ],
)
def test_the_thing_itself_is_no_defect(told, thing, words, kept):
    phrase = f"defect on {thing or 'object'}"
    assert bool(detector(found(SPOT, 0.5, phrase, words), thing=thing)[0].regions(PICTURE)) is kept


def test_phrases_are_general_known_and_the_users(told):
    one, finder, _ = detector(thing=" Carpet ", words=["stain", "thread"])
    general = ("defect on carpet", "damage on carpet", "flaw on carpet", "defect")
    assert one.phrases == (*general, "black hole", "thread", "stain")
    one.regions(PICTURE)
    assert finder.asked == [(("carpet",), 0.1), (one.phrases, 0.1)]


def test_properties_of_a_known_thing(told):
    box = found((0, 0, 10, 10), 0.5)  # a quarter of the picture; a screw's defect is below a tenth of the screw
    assert detector(box, thing="nut")[0].regions(PICTURE)
    assert not detector(box, thing="screw")[0].regions(PICTURE)


def test_only_the_surest_five_and_no_mask_that_cannot_be_one(told):
    strong = [found((x, 2, x + 1, 3), 0.9) for x in range(8)]
    hopeless = found(CORNER, 0.2)  # 0.2 exp(3 x 0.5) < 0.9 exp(3 x 0.1)
    one, _, segmenter = detector(*strong, hopeless)
    assert [suspect.confidence for suspect in one.regions(PICTURE)] == [0.9] * 5
    assert hopeless.box not in segmenter.boxes
    rescued = found(CORNER, 0.3)
    assert detector(*strong, rescued)[0].regions(PICTURE)[0].confidence == 0.3


def test_a_picture_is_looked_at_once_and_a_box_cut_out_once(told):
    one, finder, segmenter = detector(found(SPOT, 0.4), found(SPOT, 0.3, "flaw on nut", "flaw"))
    assert len(one.regions(PICTURE)) == 2
    one.score(PICTURE)
    assert (len(finder.asked), len(segmenter.boxes)) == (2, 1)
    one.score(read_picture(np.ones((SIDE, SIDE, 3), np.uint8)))
    assert len(finder.asked) == 4


def test_a_closed_vocabulary_is_asked_for_what_it_knows(told):
    one, finder, _ = detector(found(SPOT, 0.4, "bird"), thing="road", words=["bird"], vocabulary=frozenset({"bird"}))
    assert one.phrases == ("bird",)
    assert one.regions(PICTURE)[0].phrase == "bird"
    assert finder.asked == [(("bird",), 0.1)]
    with pytest.raises(XadError, match="knows 1 classes and no phrases such as 'defect on road'"):
        detector(thing="road", vocabulary=frozenset({"bird"}))


@pytest.mark.parametrize(("height", "width"), [(96, 128), (8, 300), (300, 9)])
def test_saliency_has_the_size_of_the_picture(height, width):
    values = saliency(stripes(3, height, width), tiny_backbone())
    assert (values.shape, values.dtype) == ((height, width), np.float32)
    assert 0 <= values.min() <= values.max() <= 1


def test_too_small_a_picture_is_named():
    with pytest.raises(XadError, match="1 x 1 px, too small to judge"):
        saliency(read_picture(np.zeros((1, 1, 3), np.uint8), name="dot.png"), tiny_backbone())


def test_saliency_by_a_loop():
    import torch
    from torch.nn import functional

    from xad_agent.detectors.patches import embed

    picture = stripes(4, 64, 80)
    medium, fine, _ = embed(picture, tiny_backbone(), 256)
    rows, columns = fine.shape[:2]
    places = [torch.cat([fine[y, x], medium[y // 2, x // 2]]) for y in range(rows) for x in range(columns)]
    unit = [functional.normalize(place, dim=0) for place in places]
    expected = []
    for one in unit[:40]:
        unlike = sorted((float(0.5 * (1 - one @ other)) for other in unit), reverse=True)
        expected.append(np.mean(unlike[: round(0.1 * len(unit))]))
    np.testing.assert_allclose(saa._unlikeness(picture, tiny_backbone()).ravel()[:40], expected, atol=1e-5)


@pytest.mark.data
def test_at_work_with_what_is_embedded(data):
    frame = read_picture(sorted((data / "ucsd_ped2/testing/frames/01").iterdir())[100])
    finder = CocoFinder(load_objects())
    one = SegmentAnyAnomaly(finder, EmbeddedSegmenter(), words=["person", "bicycle", "skateboard"])
    suspects, result = one.regions(frame), one.score(frame)
    assert 1 <= len(suspects) <= 5
    assert {suspect.phrase for suspect in suspects} <= set(one.phrases) == {"person", "bicycle", "skateboard"}
    assert all(0 < suspect.mask.mean() < 0.9 for suspect in suspects)
    assert all(0 < suspect.saliency < 1 and suspect.score > suspect.confidence for suspect in suspects)
    assert result.score == result.values.max() > 0
    assert np.array_equal(result.values > 0, np.logical_or.reduce([suspect.mask for suspect in suspects]))
