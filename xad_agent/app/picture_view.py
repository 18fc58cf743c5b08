"""The picture: under its anomaly map, enlarged, beside the nearest normal one, repaired; a click asks about a place."""

from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from xad_agent.answering import verdict_of
from xad_agent.app.rendering import render
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.case import Case
from xad_agent.errors import XadError
from xad_agent.evidence import Box, Region
from xad_agent.media.drawing import fitted
from xad_agent.media.overlay import Overlay, window_around
from xad_agent.tools import tools_for
from xad_agent.wording import number, numbers

SIDE = 960  # px of the longer side as drawn; shown smaller, but for the full screen
_SCALE = 2  # of lines and type, for that
_AWAY: Any = "hidden"  # of a tab; with False its name would stay (Gradio 6.31)
_LEAST_MARGIN = 12
_WHOLE = [("Whole picture", 0)]
_OUTLINES, _BOXES = "Outlines", "Boxes"
_CHANGED = "another picture, or another profile, is used by now: wait until it is drawn here, then choose the place"


class PictureView:
    """What is shown, where it is a picture.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.

    Attributes:
        tab: It; there is none while a clip is shown.
        asked: Go off once a question about a place was taken; then the conversation is to be followed.
        outputs: What `refresh` tells.
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox):
        self._sessions = sessions
        self._drawn: WeakKeyDictionary[Case, tuple[int, Overlay]] = WeakKeyDictionary()
        with gr.Tab("Picture", id="picture") as self.tab:
            self._about = gr.Textbox(visible=False)  # what is drawn, and how it is judged
            self._mended = gr.Textbox(visible=False)  # the same of what was repaired
            with gr.Column(visible=False) as self._all:
                self._place_pictures()
            self._caption = gr.HTML(render("picture"), elem_id="xad-caption")
            with gr.Column(visible=False) as self._below:
                self._place_controls()
        self.outputs = [self._all, self._below, self._caption, self._view, self._about]
        self._wire(key)

    def tab_for(self, kind: str) -> gr.Tab:
        """What becomes of the tab where this kind of media is shown; "" before any is."""
        return gr.Tab(visible=_AWAY if kind == "clip" else True)

    def refresh(self, key: str) -> list[Any]:
        """What `outputs` show of what the session shows; the pictures follow by themselves where they have changed."""
        try:
            return self._something(key)
        except XadError as error:  # it cannot be read, or is too small to be judged
            return self._nothing(str(error))

    def _something(self, key: str) -> list[Any]:
        case, about = self._look(key)
        if case is None:
            return self._nothing()
        regions = [(f"Region {n}: {region.place[0]}", n) for n, region in enumerate(case.regions, start=1)]
        shown = gr.Column(visible=True)
        return [shown, shown, _caption(case), gr.Radio([*_WHOLE, *regions]), about]

    def _nothing(self, problem: str = "") -> list[Any]:
        away, caption = gr.Column(visible=False), render("picture", problem=problem)
        return [away, away, caption, gr.Radio(_WHOLE), ""]

    def _place_pictures(self) -> None:
        shared: dict[str, Any] = {"format": "jpeg", "interactive": False, "buttons": ["fullscreen"]}
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                self._picture = gr.Image(label="Picture", elem_id="xad-picture", **shared)
            with gr.Column(scale=1, min_width=150):
                self._normal = gr.Image(label="Nearest normal", elem_id="xad-nearest", **shared)
                self._repaired = gr.Image(label="Repaired", visible=False, elem_id="xad-repaired", **shared)

    def _place_controls(self) -> None:
        self._said = gr.HTML(visible=False, elem_id="xad-said")
        self._mend = gr.Button("Repair it, and score that", size="sm")
        with gr.Row():
            self._opacity = gr.Slider(0, 100, 100, step=5, label="Opacity of the colours, %", elem_id="xad-opacity",
                                      scale=3, min_width=200)  # fmt: skip
            self._marks = gr.CheckboxGroup([_OUTLINES, _BOXES], value=[_OUTLINES], label="Regions", elem_id="xad-marks",
                                           scale=2, min_width=160)  # fmt: skip
        self._view = gr.Radio(_WHOLE, value=0, label="Show", elem_id="xad-view")
        with gr.Row():
            self._x = gr.Number(label="x, px from the left", precision=0, minimum=0, min_width=90, elem_id="xad-x")
            self._y = gr.Number(label="y, px from the top", precision=0, minimum=0, min_width=90, elem_id="xad-y")
            self._ask = gr.Button("Ask about this place", size="sm", min_width=120, elem_id="xad-ask-place")

    def _wire(self, key: gr.Textbox) -> None:
        quick: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last", "concurrency_limit": None}
        ways = [key, self._about, self._opacity, self._marks]
        shown = [self._picture, self._normal, self._said, self._repaired, self._x, self._y]
        self._about.change(self._begin, [*ways, self._mended], [*shown, self._view], **quick)
        self._view.input(self._turn, [*ways, self._view, self._mended], shown, **quick)
        for way in (self._opacity, self._marks):
            way.input(self._draw, [*ways, self._view], self._picture, **quick)
        at = [key, self._about, self._view]
        self._mend.click(self._repair, at, [self._said, self._repaired, self._mended])
        place = [key, self._about, self._x, self._y]
        self.asked = (
            self._picture.select(self._ask_there, at, None, show_progress="hidden"),
            self._ask.click(self._ask_about, place, None, show_progress="hidden"),
        )

    def _look(self, key: str) -> tuple[Case | None, str]:
        """The case of what is shown, None where it is no picture; and what it is of, and judged by, in one word."""
        session = self._sessions.find(key)
        case = session.case() if session.kind == "picture" else None
        return (case, f"{session.chat().name} {case.media}") if isinstance(case, Case) else (None, "")

    def _case(self, key: str, about: str) -> Case:
        """The case that is drawn; XadError where the session shows another one, or judges it otherwise, by now."""
        case, now = self._look(key)
        if case is None or now != about:
            raise XadError(_CHANGED)
        return case

    def _begin(self, key: str, about: str, opacity: float, marks: list[str], mended: str) -> list[Any]:
        """Another picture, or the same judged otherwise, as a whole."""
        if not about:
            return [gr.Image(None), gr.Image(None), *_UNREPAIRED, None, None, 0]
        return [*self._turn(key, about, opacity, marks, 0, mended), 0]

    @telling
    def _turn(self, key: str, about: str, opacity: float, marks: list[str], view: int, mended: str) -> list[Any]:
        """The whole picture, or a region, with what stands beside it, and the place that is asked about by keyboard."""
        case = self._case(key, about)
        x, y = (_region(case, view) or next(iter(case.regions), case.candidate)).peak
        return [
            self._draw(key, about, opacity, marks, view),
            self._beside(case, view),
            *(self._repaired_in(case, view) if mended == about else _UNREPAIRED),
            gr.Number(x, maximum=case.picture.width - 1),
            gr.Number(y, maximum=case.picture.height - 1),
        ]

    @telling
    def _draw(self, key: str, about: str, opacity: float, marks: list[str], view: int) -> Any:
        case = self._case(key, about)
        drawn = self._overlay(case, view).draw(opacity / 100, _OUTLINES in marks, _BOXES in marks)
        return gr.Image(drawn, label=case.picture.name, alt_text=_alt(case, view, opacity))

    @telling
    def _repair(self, key: str, about: str, view: int) -> list[Any]:
        case = self._case(key, about)
        return [*self._repaired_in(case, view), about]

    @telling
    def _ask_there(self, key: str, about: str, view: int, click: gr.SelectData) -> None:
        place = self._overlay(self._case(key, about), view).place(*click.index)
        if place is None:
            raise XadError("that is beside the picture: choose a place in it")
        self._ask_about(key, about, *place)

    @telling
    def _ask_about(self, key: str, about: str, x: int | None, y: int | None) -> None:
        if x is None or y is None:
            raise XadError("which place? give px from the left and px from the top")
        self._case(key, about)
        question = f"What about the place at {x}, {y} px?"
        self._sessions.find(key).ask(question)
        gr.Info(f"Asked: {question}", duration=3)

    def _overlay(self, case: Case, view: int) -> Overlay:
        """Made anew for another case or region only, since that takes longer than to draw it."""
        kept = self._drawn.get(case)
        if kept is None or kept[0] != view:
            calibration = case.profile.calibration if case.profile else None
            overlay = Overlay(
                case.picture, case.anomaly_map, calibration, case.regions, _window(case, view), SIDE, _SCALE
            )
            kept = self._drawn[case] = (view, overlay)
        return kept[1]

    def _beside(self, case: Case, view: int) -> Any:
        """The nearest normal picture: of a region the same place on it where it aligns, else all of it."""
        nearest = case.nearest_normal
        if nearest is None:
            return gr.Image(None, visible=False)
        width, height = self._overlay(case, view).size
        same = case.normals.same_place(_window(case, view), (height, width)) if view else None
        name, pixels = same or (nearest.name, nearest.pixels)
        what = f"region {view}'s place on the nearest normal picture" if same else "the nearest normal picture"
        return gr.Image(pixels, visible=True, label=f"Nearest normal: {name}", alt_text=f"{name}, {what}")

    def _repaired_in(self, case: Case, view: int) -> list[Any]:
        """What repairing all regions comes to, and the picture after it; where it cannot be repaired, why."""
        entry = tools_for(case)["repair"](case)
        said = gr.HTML(render("repaired", entry=entry), visible=True)
        made = None if entry.kind == "limit" else case.repaired(range(1, len(case.regions) + 1))
        if made is None:
            return [said, gr.Image(None, visible=False)]
        x0, y0, x1, y1 = _window(case, view)
        values = (entry.quantity(name).value for name in ("score", "score after repair", "threshold"))
        _, after, limit = numbers(*values)
        return [
            said,
            gr.Image(
                fitted(made.picture.pixels[y0:y1, x0:x1], SIDE),
                visible=True,
                label=f"Repaired: score {after}, limit {limit}",
                alt_text=f"{case.picture.name} with normal content of {', '.join(made.sources)} in its regions",
            ),
        ]


_UNREPAIRED = [gr.HTML(visible=False), gr.Image(None, visible=False)]


def _region(case: Case, view: int) -> Region | None:
    return case.region(view) if view else None


def _window(case: Case, view: int) -> Box:
    """What of the picture is shown: all of it, or a region with as much around it."""
    region, shape = _region(case, view), case.picture.pixels.shape
    if region is None:
        return 0, 0, shape[1], shape[0]
    x0, y0, x1, y1 = region.box
    return window_around(region.box, shape, max(_LEAST_MARGIN, max(x1 - x0, y1 - y0) // 2))


def _alt(case: Case, view: int, opacity: float) -> str:
    part = f"Region {view} of {case.picture.name}" if view else case.picture.name
    covered = f"under its anomaly map at {opacity:.0f} % opacity" if opacity else "as it is"
    places = [f"{region.label.capitalize()}: {', '.join(region.place)}" for region in case.regions]
    return f"{part}, {covered}. {'. '.join(places or ['No place stands out'])}."


def _caption(case: Case) -> str:
    """Verdict, score, limit, p-value, and what it is judged by."""
    tools = tools_for(case)
    for name in ("score", "rules"):
        if name in tools:
            tools[name](case)
    values: dict[str, Any] = {"case": case, "verdict": verdict_of(case)}
    if case.profile is not None:
        calibration, score = case.profile.calibration, case.anomaly_map.score
        p_value = calibration.p_value(score)
        values["score"], values["limit"] = numbers(score, calibration.threshold())
        values["p_value"], values["share"] = number(p_value), number(100 * p_value, "%")
    return render("picture", **values)
