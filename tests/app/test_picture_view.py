"""The picture's view without a browser: what it draws, where a click is, and what it asks."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from tests.app.stand_ins import on_a_page
from tests.normal import NormalProfile, case_of, examine, picture, texture, with_square
from tests.seeing import ScriptedZeroShot
from xad_agent.app.picture_view import SIDE, PictureView
from xad_agent.app.sessions import Sessions
from xad_agent.case import Case
from xad_agent.errors import XadError
from xad_agent.evidence import Ledger
from xad_agent.llm.references import named_point
from xad_agent.media import read_picture

SQUARE = (40, 20, 52, 32)


class Session:
    """One that shows a case, and keeps what is asked."""

    def __init__(self, case: Case | None, kind: str = "picture"):
        self.shown, self.kind, self.asked = case, kind if case or kind == "clip" else "", []

    def case(self) -> Any:
        if isinstance(self.shown, XadError):
            raise self.shown
        return self.shown

    def chat(self) -> SimpleNamespace:
        return SimpleNamespace(name="picture x")

    def ask(self, question: str) -> None:
        self.asked.append(question)


@pytest.fixture
def viewed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[PictureView, Session]]:
    """A view of a session that shows a case."""
    monkeypatch.setattr(gr, "Info", lambda *_, **__: None)

    def made(case: Any, kind: str = "picture") -> tuple[PictureView, Session]:
        session = Session(case, kind)
        with on_a_page():
            view = PictureView(cast(Sessions, SimpleNamespace(find=lambda _: session)), gr.Textbox())
        return view, session

    return made


def _about(case: Case) -> str:
    return f"picture x {case.media}"


def _click(x: int, y: int) -> gr.SelectData:
    return gr.SelectData(None, {"index": [x, y], "value": None})


def test_nothing_is_shown_before_anything_is_asked_about(viewed) -> None:
    view, _ = viewed(None)
    pictures, controls, caption, _, about = view.refresh("key")
    assert view.tab_for("").visible is True and pictures.visible is controls.visible is False
    assert "Ask about a picture" in caption and about == ""


def test_for_a_clip_the_tab_is_put_away(viewed) -> None:
    view, _ = viewed(None, "clip")
    assert view.tab_for("clip").visible == "hidden" and view.tab_for("picture").visible is True
    assert view.refresh("key")[0].visible is False


def test_why_a_picture_cannot_be_shown_is_said(viewed) -> None:
    caption = viewed(XadError("part.png is <b>no picture</b>"))[0].refresh("key")[2]
    assert "part.png is &lt;b&gt;no picture&lt;/b&gt;" in caption


def test_why_a_picture_cannot_be_judged_is_said(viewed, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_small(*_: Any) -> None:
        raise XadError("part.png is 1 x 1 px, too small to judge")

    case = case_of(texture(3))
    monkeypatch.setattr(case.profile, "examine", too_small)
    pictures, _, caption, _, about = viewed(case)[0].refresh("key")
    assert "too small to judge" in caption and about == "" and pictures.visible is False


def test_the_caption_says_verdict_score_limit_p_value_and_profile(viewed) -> None:
    case = case_of(with_square(SQUARE))
    caption, choices = viewed(case)[0].refresh("key")[2:4]
    calibration = case.profile.calibration
    p_value = calibration.p_value(case.anomaly_map.score)
    assert '<span class="xad-verdict anomalous">' in caption and "Profile noise." in caption
    assert f"Score {case.anomaly_map.score:.1f}, limit {calibration.threshold():.1f}, p-value {p_value:.2f}" in caption
    assert choices.choices == [("Whole picture", 0), ("Region 1: top", 1)]


def test_without_a_profile_the_caption_says_so(viewed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.detectors.zero_shot.zero_shot_detector", lambda *_: ScriptedZeroShot())
    case = Case(picture(with_square(SQUARE)), None, Ledger())
    case.__dict__["anomaly_map"] = examine(case.picture)
    view, _ = viewed(case)
    caption = view.refresh("key")[2]
    assert "No normal example is known, so there is no limit" in caption and "uncertain" in caption
    assert "p-value" not in caption
    normal = view._turn("key", _about(case), 100, [], 0, "")[1]
    assert normal.visible is False


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (60, 2), (96, 96), (300, 100)])
def test_pictures_of_any_shape_are_drawn(viewed, shape) -> None:
    case = case_of(np.full((*shape, 3), 250, np.uint8))
    view, session = viewed(case)
    shown, *_, x, y, chosen = view._begin("key", _about(case), 100, ["Outlines", "Boxes"], "")
    width, height = Image.open(shown.value["path"]).size
    assert max(view._overlay(case, 0).size) == SIDE and width >= 1 and height > 1
    assert (x.maximum, y.maximum, chosen) == (shape[1] - 1, shape[0] - 1, 0)
    view._ask_there("key", _about(case), 0, _click(*(side - 1 for side in view._overlay(case, 0).size)))
    assert session.asked == [f"What about the place at {shape[1] - 1}, {shape[0] - 1} px?"]


def test_alt_texts_say_what_is_shown(viewed) -> None:
    case = case_of(with_square(SQUARE))
    view, _ = viewed(case)
    drawn = view._draw("key", _about(case), 60, ["Outlines"], 0)
    assert drawn.alt_text.startswith("part.png, under its anomaly map at 60 % opacity. Region 1: top")
    assert view._draw("key", _about(case), 0, [], 1).alt_text.startswith("Region 1 of part.png, as it is. Region 1: ")
    assert view._turn("key", _about(case), 60, [], 0, "")[1].alt_text == "good 0.png, the nearest normal picture"


def test_a_region_is_shown_larger_from_the_pictures_own_pixels(viewed) -> None:
    pixels = texture(5, 700, 800)
    pixels[300:320, 400:420] = np.random.default_rng(0).integers(0, 256, (20, 20, 3))
    case = case_of(pixels, NormalProfile([texture(seed, 448, 512) for seed in range(4)]))
    view, session = viewed(case)
    *_, x, y = view._turn("key", _about(case), 0, [], 1, "")
    x0, y0, x1, y1 = case.regions[0].box
    assert x0 <= x.value < x1 and y0 <= y.value < y1
    overlay = view._overlay(case, 1)
    wx0, wy0, wx1, wy1 = overlay.window
    assert wx0 < x0 and wy1 > y1 and wx1 - wx0 < 200
    drawn = overlay.draw(0, outlines=False)
    for column, row in ((405, 310), (410, 300), (419, 319)):
        at = [int((point - start + 0.5) * SIDE / (wx1 - wx0)) for point, start in ((column, wx0), (row, wy0))]
        assert (drawn[at[1], at[0]] == pixels[row, column]).all()
        view._ask_there("key", _about(case), 1, _click(*at))
        assert session.asked[-1] == f"What about the place at {column}, {row} px?"


def test_repair_is_measured_when_asked_for_and_stays_when_the_view_turns(viewed) -> None:
    case = case_of(with_square(SQUARE))
    view, _ = viewed(case)
    assert view._turn("key", _about(case), 100, [], 0, "")[3].visible is False
    said, repaired, mended = view._repair("key", _about(case), 0)
    assert "With region 1 replaced by normal content, the score falls from " in said.value
    limit = f"limit {case.profile.calibration.threshold():.1f}"
    assert repaired.visible and repaired.label.startswith("Repaired: score ") and repaired.label.endswith(limit)
    assert view._turn("key", _about(case), 100, [], 1, mended)[3].visible is True


def test_where_nothing_can_be_repaired_it_says_why(viewed) -> None:
    case = case_of(texture(3))
    view, _ = viewed(case)
    said, repaired, _ = view._repair("key", _about(case), 0)
    assert "No place stands out" in said.value and repaired.visible is False


@pytest.mark.parametrize("click", [(-1, 5), (5, SIDE), (5, SIDE + 60)])
def test_a_click_on_the_legend_asks_nothing(viewed, click) -> None:
    case = case_of(with_square(SQUARE))
    view, session = viewed(case)
    with pytest.raises(gr.Error, match="beside the picture"):
        view._ask_there("key", _about(case), 0, _click(*click))
    assert session.asked == []


def test_a_place_of_another_picture_is_not_asked_about(viewed) -> None:
    case = case_of(with_square(SQUARE))
    view, session = viewed(case)
    session.shown = case_of(texture(4))
    for ask in (lambda: view._ask_there("key", _about(case), 0, _click(5, 5)),
                lambda: view._ask_about("key", _about(case), 5, 5)):  # fmt: skip
        with pytest.raises(gr.Error, match="another picture"):
            ask()
    with pytest.raises(gr.Error, match="which place"):
        view._ask_about("key", _about(session.shown), None, 5)
    assert session.asked == []


def test_what_is_asked_names_the_point(viewed) -> None:
    case = case_of(texture(3))
    view, session = viewed(case)
    for x, y in ((0, 0), (7, 1234), (1234, 567), (99_999, 8)):
        view._ask_about("key", _about(case), x, y)
        assert named_point(session.asked[-1]) == (x, y)


TURNED = [(1, "RGB", (7, 3)), (6, "RGB", (36, 7)), (3, "RGB", (52, 36)), (1, "RGBA", (7, 3)), (1, "L", (7, 3))]


@pytest.mark.parametrize(("orientation", "mode", "at"), TURNED)
def test_a_click_is_of_the_picture_as_it_is_read(viewed, tmp_path: Path, orientation, mode, at) -> None:
    """A black pixel at 7, 3 of the file; by EXIF it is turned, and clicked where it is then."""
    stored = Image.new(mode, (60, 40), "white")
    stored.putpixel((7, 3), 0 if mode == "L" else (0, 0, 0, 255)[: len(mode)])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "part.png", exif=exif)
    read = read_picture(tmp_path / "part.png")
    case = Case(read, NormalProfile([texture(0, 64, 64)]), Ledger())
    view, session = viewed(case)
    drawn = view._overlay(case, 0).draw(0, outlines=False)[: view._overlay(case, 0).size[1]]
    rows, columns = np.nonzero(drawn.max(axis=2) < 40)
    view._ask_there("key", _about(case), 0, _click(int(columns.mean()), int(rows.mean())))
    assert session.asked == [f"What about the place at {at[0]}, {at[1]} px?"]
