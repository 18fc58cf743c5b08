import numpy as np

from tests.normal import NormalProfile, case_of, picture, texture
from xad_agent.evidence import Region
from xad_agent.normals import Normals


def pattern() -> np.ndarray:
    """Blobs that align exactly with themselves, RGB uint8 (192, 192, 3)."""
    import cv2

    noise = np.random.default_rng(5).normal(0, 1, (192, 192)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def contrast_of(asked: np.ndarray, normals: list[np.ndarray]) -> np.ndarray | None:
    return Normals(picture(asked), NormalProfile(normals), []).contrast


def test_contrast_is_high_where_no_normal_picture_looks_so() -> None:
    asked = pattern()
    asked[80:92, 120:132] = 255 - asked[80:92, 120:132]
    contrast = contrast_of(asked, [pattern()] * 5)
    assert contrast is not None
    assert contrast.shape == (192, 192)
    y, x = np.unravel_index(contrast.argmax(), contrast.shape)
    assert 78 <= y < 94
    assert 118 <= x < 134
    assert contrast[y, x] > 4
    assert np.median(contrast) < 0.5


def test_contrast_forgives_light_that_changes_slowly() -> None:
    slope = np.linspace(-20, 20, 192).astype(int)[None, :, None]
    lit = np.clip(pattern().astype(int) + slope, 0, 255).astype(np.uint8)
    contrast = contrast_of(lit, [pattern()] * 5)
    assert contrast is not None
    assert np.quantile(contrast, 0.95) < 1.5  # 20 grey levels are 3.3


def at_the_mark(values: list[int]) -> float:
    """The contrast of a square of 230 where those of the normal pictures have these values."""

    def marked(value: int) -> np.ndarray:
        pixels = pattern()
        pixels[84:92, 124:132] = value
        return pixels

    contrast = contrast_of(marked(230), [*map(marked, values)])
    assert contrast is not None
    return float(contrast[88, 128])


def test_one_normal_picture_that_looks_so_is_enough() -> None:
    assert at_the_mark([230, 100, 100, 100, 100]) < 0.3 * at_the_mark([100] * 5)


def test_contrast_counts_less_where_normal_pictures_differ_from_each_other() -> None:
    assert at_the_mark([40, 80, 120, 160, 160]) < 0.6 * at_the_mark([160] * 5)


def test_contrast_of_a_large_picture_is_small() -> None:
    large = pattern().repeat(3, axis=0).repeat(3, axis=1)
    contrast = contrast_of(large, [large] * 4)
    assert contrast is not None
    assert contrast.shape == (256, 256)


def test_no_contrast_where_normal_pictures_do_not_align_or_are_few() -> None:
    assert case_of(texture(99)).normals.contrast is None
    assert Normals(picture(pattern()), None, []).contrast is None
    assert contrast_of(pattern(), [pattern()] * 3) is None


def test_what_is_disregarded_covers_the_regions_and_a_little_more() -> None:
    region = Region(label="region 1", box=(20, 30, 40, 50), score=1, peak=(21, 31), area_share=0.04)
    normals = Normals(picture(texture(0)), None, [region])
    assert normals.disregarded[30:50, 20:40].all()
    assert normals.disregarded[28, 30]
    assert not normals.disregarded[20, 30]
    assert not Normals(picture(texture(0)), None, []).disregarded.any()
