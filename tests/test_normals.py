import numpy as np

from tests.normal import NormalProfile, case_of, picture, texture
from xad_agent.evidence import Region
from xad_agent.normals import Normals


def pattern() -> np.ndarray:
    """Blobs that align exactly with themselves, RGB uint8 (96, 96, 3)."""
    import cv2

    noise = np.random.default_rng(5).normal(0, 1, (96, 96)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def test_contrast_is_high_where_no_normal_picture_looks_so() -> None:
    asked = pattern()
    asked[40:48, 60:68] = 255 - asked[40:48, 60:68]
    contrast = Normals(picture(asked), NormalProfile([pattern()] * 5), []).contrast  # type: ignore[arg-type]
    assert contrast is not None
    assert contrast.shape == (96, 96)
    y, x = np.unravel_index(contrast.argmax(), contrast.shape)
    assert 38 <= y < 50
    assert 58 <= x < 70
    assert np.median(contrast) < 1


def test_contrast_forgives_light_that_changes_slowly() -> None:
    lit = np.clip(pattern().astype(int) + np.linspace(-20, 20, 96).astype(int)[None, :, None], 0, 255).astype(np.uint8)
    contrast = Normals(picture(lit), NormalProfile([pattern()] * 5), []).contrast  # type: ignore[arg-type]
    assert contrast is not None
    assert np.quantile(contrast, 0.95) < 4


def test_one_normal_picture_that_looks_so_is_enough() -> None:
    asked = pattern()
    asked[40:48, 60:68] = 255
    normals = NormalProfile([asked, *[pattern()] * 4])
    contrast = Normals(picture(asked), normals, []).contrast  # type: ignore[arg-type]
    assert contrast is not None
    assert contrast.max() < 5


def test_no_contrast_where_normal_pictures_do_not_align_or_are_few() -> None:
    assert case_of(texture(99)).normals.contrast is None
    assert Normals(picture(pattern()), None, []).contrast is None
    assert Normals(picture(pattern()), NormalProfile([pattern()] * 3), []).contrast is None  # type: ignore[arg-type]


def test_what_is_disregarded_covers_the_regions_and_a_little_more() -> None:
    region = Region(label="region 1", box=(20, 30, 40, 50), score=1, peak=(21, 31), area_share=0.04)
    normals = Normals(picture(texture(0)), None, [region])
    assert normals.disregarded[30:50, 20:40].all()
    assert normals.disregarded[28, 30]
    assert not normals.disregarded[20, 30]
    assert not Normals(picture(texture(0)), None, []).disregarded.any()
