"""Tracks from masks: drawn by hand, and those of Ped2 that were labelled by hand."""

import numpy as np
import pytest

from xad_agent.eval.clip_layout import read_clip_set
from xad_agent.eval.clip_tracks import largest_part, linked, patch_of


def drawing(*rows):
    return np.array([[mark == "#" for mark in row] for row in rows])


def test_tracks_follow_regions_that_share_pixels():
    masks = [
        drawing("##....#", "##.....", "......."),
        drawing(".##...#", ".##....", "....#.."),  # two go on, one starts
        drawing("..##...", "..##...", "....#.."),  # two touch at a corner: one region, the one with more of it goes on
        drawing(".......", ".......", "......."),
        drawing("##.....", ".......", "......."),  # after a frame without any, a new track
    ]
    assert linked(map(patch_of, masks)) == {
        "0": {0: (0, 0, 2, 2), 1: (1, 0, 3, 2), 2: (2, 0, 5, 3)},
        "1": {0: (6, 0, 7, 1), 1: (6, 0, 7, 1)},
        "2": {1: (4, 2, 5, 3)},
        "3": {4: (0, 0, 2, 1)},
    }


def test_regions_that_compete_are_linked_one_to_one():
    masks = [drawing("####.###"), drawing("##.#####"), drawing("#.######")]
    tracks = linked(map(patch_of, masks))
    assert tracks["0"] == {0: (0, 0, 4, 1), 1: (0, 0, 2, 1), 2: (0, 0, 1, 1)}
    assert tracks["1"] == {0: (5, 0, 8, 1), 1: (3, 0, 8, 1), 2: (2, 0, 8, 1)}
    assert len(tracks) == 2


def test_no_mask_has_no_tracks():
    assert linked([]) == {} == linked([None, None])


def test_the_part_with_the_largest_box_stands_for_an_object():
    assert largest_part(drawing("###.....", ".....#..", ".....##.", ".....##.")) == (5, 1, 7, 4)
    assert largest_part(drawing("...", "...")) is None


@pytest.mark.data
def test_tracks_of_masks_are_those_labelled_by_hand(data):
    for clip in read_clip_set(data / "ucsd_ped2").testing:
        assert clip.given is not None
        found = linked(clip.patches())
        assert sorted(map(sorted, map(dict.items, found.values()))) == sorted(
            map(sorted, map(dict.items, clip.given.values()))
        ), clip.name
