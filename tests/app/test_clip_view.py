"""What the clip's tab shows, without a browser: drawn once, for clips alone, and every choice seeks its moment."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import numpy as np
import pytest

from tests.app.stand_ins import on_a_page
from tests.crowd import RIDER, case_of, profile_of, scene, sightings, walk, walkway
from xad_agent.app.clip_film import film
from xad_agent.app.clip_view import ClipView
from xad_agent.app.sessions import Sessions
from xad_agent.clip_case import ClipCase
from xad_agent.errors import XadError
from xad_agent.media import read_clip
from xad_agent.media.filmstrip import key_frames
from xad_agent.media.time_plots import TimeScale

normal = cache(walkway)
KEY = "somebody"


@dataclass
class OneClip:
    """Stands for `Sessions` of one session that asks about one clip."""

    measured: ClipCase
    folder: Path
    kind: str = "clip"
    busy: bool = False
    shown: str = "walk.mp4"
    asked: list[str] = field(default_factory=list)

    def find(self, key: str) -> "OneClip":
        assert key == KEY
        return self

    def case(self) -> ClipCase | None:
        return self.measured if self.kind == "clip" else None

    def ask(self, question: str) -> None:
        self.asked.append(question)


def view_of(session: OneClip) -> ClipView:
    with on_a_page():
        key = gr.Textbox()
        with gr.Tabs() as side:
            return ClipView(cast(Sessions, session), key, side)


def quiet(*_: Any, **__: Any) -> None:
    """Stands for `gr.Progress`."""


@pytest.fixture
def riding(tmp_path: Path) -> OneClip:
    return OneClip(case_of(scene(RIDER), normal()), tmp_path)


def test_all_is_drawn_once_and_anew_by_another_profile(riding: OneClip) -> None:
    view = view_of(riding)
    now, caption, moment, timeline, scale, events, ask, keys, curves, _ = view._draw(KEY, "", quiet)
    assert "Score" in caption and "limit" in caption and "walkway" in caption
    assert moment.constructor_args["maximum"] == 12.0 and moment.constructor_args["step"] == 0.1
    assert "event 1 from 4.0 to 8.5 s" in timeline.constructor_args["alt_text"]
    ((told, number),) = events.constructor_args["choices"]
    assert number == 1 and told.startswith("event 1: 4.0 to 8.5 s, a bicycle, score ") and "p-value" in told
    assert ask.constructor_args["value"] == "Ask about event 1"
    (event,) = riding.measured.events
    captions = [caption for _, caption in keys.constructor_args["value"]]
    assert captions == [f"event 1, {frame / 10:.1f} s" for frame in key_frames(event)]
    assert "speed (body heights a second)" in curves.constructor_args["alt_text"]
    assert isinstance(scale, TimeScale)
    assert view._draw(KEY, now, quiet) == gr.skip()
    riding.measured = case_of(scene(RIDER), profile_of([walk(seed) for seed in range(5)]))
    assert view._draw(KEY, now, quiet)[0] != now


@pytest.mark.parametrize("changes", [{"kind": "picture"}, {"kind": ""}, {"busy": True}])
def test_nothing_is_drawn_of_pictures_and_while_a_question_is_worked_on(
    riding: OneClip, changes: dict[str, Any]
) -> None:
    session = replace(riding, **changes, measured=cast(ClipCase, None))
    view = view_of(session)
    assert view._draw(KEY, "", quiet) == gr.skip()
    assert view._draw("", "", quiet) == gr.skip()  # the tab is not open
    assert view._film(KEY, "", "", True, quiet) == gr.skip()
    assert view.tab_for(session.kind).constructor_args["visible"] is (session.kind == "clip")
    assert len(view.refresh(KEY)) == len(view.outputs)


def test_a_clip_without_an_event_has_none_to_choose(tmp_path: Path) -> None:
    view = view_of(OneClip(case_of(walk(50), normal()), tmp_path))
    _, caption, _, timeline, _, events, *of_event, _ = view._draw(KEY, "", quiet)
    assert "No event stands out" in caption and timeline.constructor_args["alt_text"].endswith("; no event")
    assert not events.constructor_args["visible"]
    assert not any(part.constructor_args["visible"] for part in of_event)


def test_without_a_profile_the_caption_says_so(tmp_path: Path) -> None:
    case = case_of(walk(50), normal())
    case.profile = None
    case.__dict__["reference"] = profile_of([walk(50)])
    _, caption, _, timeline, *_ = view_of(OneClip(case, tmp_path))._draw(KEY, "", quiet)
    assert "No normal clip is known" in caption and "no limit" in caption and ">uncertain<" in caption
    assert "limit" not in timeline.constructor_args["alt_text"]


def test_a_clip_of_one_frame_has_no_moment_to_choose(tmp_path: Path) -> None:
    view = view_of(OneClip(case_of(sightings([], 1), normal()), tmp_path))
    _, _, moment, *_ = view._draw(KEY, "", quiet)
    assert not moment.constructor_args["visible"]
    assert view._seek(KEY, 0) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("seconds", "sought"), [(0, 0.05), (3.0, 3.05), (3.09, 3.05), (11.9, 11.95), (12.0, 11.95), (99, 11.95), (-1, 0.05)]
)
def test_seeking_goes_to_the_middle_of_the_frame(riding: OneClip, seconds: float, sought: float) -> None:
    assert view_of(riding)._seek(KEY, seconds) == pytest.approx(sought)


def test_seeking_keeps_to_the_frames_own_times(riding: OneClip) -> None:
    times = np.arange(riding.measured.clip.count) ** 1.5 / 10
    riding.measured.clip = replace(riding.measured.clip, times=times)
    view = view_of(riding)
    for frame in (0, 7, 60):
        assert times[frame] < view._seek(KEY, times[frame]) < times[frame + 1]


def chosen(index: Any) -> gr.SelectData:
    return cast(gr.SelectData, SimpleNamespace(index=index))


@pytest.mark.parametrize(
    ("choose", "moment"),
    [
        (lambda view: view._seek_column(KEY, TimeScale(100, 220, 0, 12), chosen([140, 7])), 4.0),
        (lambda view: view._seek_event(KEY, 1), 4.0),
        (lambda view: view._seek_key_frame(KEY, 1, chosen(0)), 4.0),
        (lambda view: view._seek_key_frame(KEY, 1, chosen(-1)), 8.4),
    ],
)
def test_every_choice_seeks_its_moment(riding: OneClip, choose: Callable[[ClipView], Any], moment: float) -> None:
    player, slider = choose(view_of(riding))
    assert (player, slider) == (pytest.approx(moment + 0.05), pytest.approx(moment))


def test_an_event_is_asked_about_as_by_a_person(riding: OneClip) -> None:
    view_of(riding)._ask_about(KEY, 1)
    assert riding.asked == ["What is event 1, and why is it one?"]


def test_an_event_that_is_no_more_is_said_to_be_none(riding: OneClip) -> None:
    with pytest.raises(gr.Error, match="there is no event 2 any more"):
        view_of(riding)._seek_event(KEY, 2)


def test_the_film_is_written_once_for_each_way_of_judging(riding: OneClip, tmp_path: Path) -> None:
    told: list[int] = []
    marked = film(riding.measured, True, tmp_path / "films", told.append)
    assert told == list(range(120))
    assert film(riding.measured, True, tmp_path / "films", told.append) == marked and len(told) == 120
    bare = film(riding.measured, False, tmp_path / "films", told.append)
    other = case_of(scene(RIDER), profile_of([walk(seed) for seed in range(5)]))
    assert len({marked, bare, film(other, True, tmp_path / "films", told.append)}) == 3
    written = read_clip(marked)
    assert (written.count, written.width, written.height) == (120, 640, 480)
    assert np.abs(written.frame(60).pixels.astype(int) - read_clip(bare).frame(60).pixels).max() > 50


def test_what_is_drawn_can_be_stopped_and_begun_anew(riding: OneClip, monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(riding)
    said: list[str] = []
    monkeypatch.setattr(gr, "Info", said.append)

    def stop(*_: Any, **__: Any) -> None:
        view._filming.pop(KEY, None)

    assert view._film(KEY, "drawn", "", True, stop) == gr.skip()
    assert len(said) == 1 and not list((riding.folder / "films").iterdir())
    video, path = view._film(KEY, "drawn", "", True, quiet)
    assert Path(path).is_file() and video.constructor_args["label"] == "Clip: scene"
    assert view._film(KEY, "drawn", path, True, quiet) == gr.skip() and not view._filming


def test_a_film_begun_later_takes_the_place_of_the_one_under_way(riding: OneClip) -> None:
    view = view_of(riding)
    later: list[Any] = []

    def meanwhile(*_: Any, **__: Any) -> None:
        if not later:
            later.append(view._film(KEY, "drawn", "", False, quiet))

    assert view._film(KEY, "drawn", "", True, meanwhile) == gr.skip()
    assert later[0][1].endswith("-bare.mp4")


def test_there_is_no_clip_to_seek_in_beside_a_picture(riding: OneClip) -> None:
    with pytest.raises(XadError, match="there is no clip"):
        view_of(replace(riding, kind="picture"))._seek(KEY, 1)
