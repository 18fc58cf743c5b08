import numpy as np

from tests.normal import NormalProfile, case_of, picture, texture, with_square
from xad_agent.matching import Counterparts
from xad_agent.media.scaling import shrink
from xad_agent.normals import Normals


def test_textures_match_by_their_surroundings() -> None:
    found = case_of(with_square((40, 40, 52, 52))).counterparts
    matches = found.matches(1)
    assert len(matches) >= 12
    assert not any(match.aligned for match in matches)
    assert [match.cost for match in matches] == sorted(match.cost for match in matches)
    window = found.window(1)
    assert all(match.pixels.shape[:2] == window.mask.shape for match in matches)
    assert not (window.mask & window.ring).any()


def test_the_same_normal_picture_is_laid_on_exactly() -> None:
    normal = texture(99)
    found = case_of(with_square((40, 40, 52, 52), seed=99), NormalProfile([normal] * 3)).counterparts
    match = found.matches(1)[0]
    assert match.aligned
    assert match.cost < 1.5
    assert np.abs(match.pixels.astype(int) - found.window(1).of(normal)).mean() < 1.5


def test_a_window_at_the_rim_keeps_to_the_rim() -> None:
    gradient = np.linspace(60, 190, 96)[None, :, None].repeat(96, axis=0).repeat(3, axis=2).astype(np.uint8)
    rng = np.random.default_rng(0)
    normals = [np.clip(gradient + rng.normal(0, 4, gradient.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    case = case_of(with_square((0, 30, 8, 50), value=255), NormalProfile(normals))
    window = case.counterparts.window(1)
    assert window.box[0] == 0
    left = [match for match in case.counterparts.matches(1) if match.pixels[:, 0].mean() < 80]
    assert len(left) == len(case.counterparts.matches(1))


def test_without_a_profile_the_rest_of_the_picture_is_the_counterpart() -> None:
    asked = with_square((40, 40, 52, 52))
    regions = case_of(asked).regions
    found = Counterparts(Normals(picture(asked), None, regions), regions)
    matches = found.matches(1)
    assert len(matches) > 10
    assert {match.exemplar for match in matches} == {-1}
    assert max(int(match.pixels[found.window(1).mask].max()) for match in matches) < 200


def test_a_large_picture_is_worked_on_small() -> None:
    small = shrink(picture(texture(0, 1024, 600)), 512)
    assert small.pixels.shape == (512, 300, 3)
    assert shrink(small, 512) is small
