import numpy as np
import pytest

from tests.normal import picture, texture
from xad_agent.language import mentions, tokens
from xad_agent.places import place_words
from xad_agent.prompts import vocabulary


def _mask(x0: int, y0: int, x1: int, y1: int, size: int = 90) -> np.ndarray:
    mask = np.zeros((size, size), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((10, 10, 20, 20), ("upper left",)),
        ((40, 10, 50, 20), ("top",)),
        ((40, 40, 50, 50), ("centre",)),
        ((70, 40, 80, 50), ("right",)),
        ((70, 70, 80, 80), ("lower right",)),
        ((40, 80, 50, 90), ("bottom", "at the rim")),
        ((12, 0, 16, 90), ("left, from top to bottom", "at the rim")),
        ((0, 40, 90, 44), ("centre, from left to right", "at the rim")),
        ((0, 0, 90, 90), ("most of the picture", "at the rim")),
    ],
)
def test_place_in_the_picture(box: tuple[int, int, int, int], words: tuple[str, ...]) -> None:
    assert place_words(_mask(*box), picture(texture(0, 90, 90))) == words


def test_place_on_a_long_object() -> None:
    pixels = np.full((90, 90, 3), 200, np.uint8)
    pixels[10:80, 40:50] = 60
    rod = picture(pixels)
    assert place_words(_mask(42, 12, 48, 18), rod) == ("top", "on the object", "at its upper end")
    assert place_words(_mask(42, 72, 48, 78), rod) == ("bottom", "on the object", "at its lower end")
    assert place_words(_mask(42, 42, 48, 48), rod) == ("centre", "on the object", "at mid-length")
    assert place_words(_mask(36, 42, 45, 48), rod)[1] == "at the object's edge"
    assert place_words(_mask(10, 42, 16, 48), rod) == ("left", "off the object")


def test_one_pixel_has_a_place() -> None:
    assert place_words(np.ones((1, 1), dtype=bool), picture(np.zeros((1, 1, 3), np.uint8))) == (
        "most of the picture",
        "at the rim",
    )


def test_the_checker_knows_every_phrase() -> None:
    placing = vocabulary("placing")
    phrases = [phrase for row in placing["picture"] for phrase in row]
    phrases += [placing["rim"], *placing["spans"].values(), *placing["object"].values(), placing["along"]["middle"]]
    phrases += [placing["along"]["end"].format(direction=direction) for direction in placing["directions"]]
    for phrase in phrases:
        assert mentions(tokens(phrase), vocabulary("places")), phrase
