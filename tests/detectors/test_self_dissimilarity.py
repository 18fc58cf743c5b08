"""Without normal examples: the odd patch of a picture."""

import numpy as np

from tests.detectors.test_patchcore import stripes
from tests.tiny import tiny_backbone
from xad_agent.detectors.self_dissimilarity import SelfDissimilarity


def test_self_dissimilarity_finds_the_odd_patch() -> None:
    found = SelfDissimilarity(tiny_backbone()).score(stripes(1, spot=True))
    y, x = np.unravel_index(found.values.argmax(), found.values.shape)
    assert found.values.shape == (96, 128)
    assert 22 <= y < 62
    assert 62 <= x < 102
