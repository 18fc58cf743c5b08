import math

import numpy as np
import pytest

from xad_agent.errors import XadError
from xad_agent.media import read_picture
from xad_agent.perception.masks import check_prompt

PICTURE = read_picture(np.zeros((20, 30, 3), np.uint8))


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4)),
        ((-5, -5, 300, 200), (0, 0, 30, 20)),
        ((-math.inf, 3, 7.5, math.inf), (0, 3, 7.5, 20)),
        (None, None),
    ],
)
def test_a_box_is_cut_off_at_the_pictures_edges(box, inside):
    assert check_prompt(PICTURE, box, [(0, 0), (29, 19)]) == inside


@pytest.mark.parametrize(
    ("box", "points", "message"),
    [
        (None, [], "give a box or points"),
        ((5, 5, 3, 9), [], "the box 5 5 3 9 has no area"),
        ((5, 9, 8, 9), [], "has no area"),
        ((5, math.nan, 8, 9), [], "has no area"),
        ((30, 0, 40, 10), [], "outside the picture of 30 x 20 px"),
        ((-9, -9, 0, 5), [], "outside the picture"),
        (None, [(3, 3), (30, 3)], "the point 30 3 is outside the picture of 30 x 20 px"),
        ((1, 2, 3, 4), [(-1, 3)], "the point -1 3 is outside"),
        (None, [(math.nan, 3)], "the point nan 3 is outside"),
    ],
)
def test_what_cannot_be_cut_out_is_refused(box, points, message):
    with pytest.raises(XadError, match=message):
        check_prompt(PICTURE, box, points)
