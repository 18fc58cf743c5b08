"""The clip: a player that shows what is tracked, the score over time, each event with its key frames and curves."""

from typing import Any

import gradio as gr

from xad_agent.answer import Verdict
from xad_agent.answering import verdict_of
from xad_agent.app.clip_film import film
from xad_agent.app.rendering import render
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.clip_case import ClipCase
from xad_agent.clip_curves import curves
from xad_agent.errors import XadError
from xad_agent.evidence import Event
from xad_agent.media.filmstrip import key_frames, key_pictures
from xad_agent.media.time_plots import TimeScale, curves_plot, timeline_plot
from xad_agent.tools.clips.measure import MATTERS, contrast
from xad_agent.tools.clips.name import called
from xad_agent.tools.clips.score import verdict
from xad_agent.wording import number, numbers, with_article

QUESTION = "What is event {number}, and why is it one?"
# Where the tab is not open, the handler is told no key, and does nothing.
_IF_OPEN = """(key, ...rest) =>
    [document.querySelector('#xad-side [data-tab-id=clip]')?.ariaSelected === 'true' ? key : '', ...rest]"""
_TOLD_EVERY = 10  # frames
# The page moves the player itself: Gradio's own `playback_position` is set back by events of the video that come late.
_SEEK = """at => {
    const player = document.querySelector('#xad-player');
    if (!player || at === null) return;
    const seek = () => { for (const video of player.querySelectorAll('video')) video.currentTime = player.dataset.at; };
    if (!player.dataset.at) player.addEventListener('loadedmetadata', seek, true);  // of each new film
    player.dataset.at = at;
    seek();
}"""


class _NotWantedError(Exception):
    """What is drawn is not to be shown any more."""


class ClipView:
    """A tab about the clip that is asked about; there is none while a picture is.

    Nothing is drawn before somebody looks at the tab.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.
        side: The tabs that it is one of, under the id "clip", in "xad-side".

    Attributes:
        tab: It; there is none while a picture is shown.
        outputs: What `refresh` is for.
        asked: Goes off once a question about an event was taken.
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox, side: gr.Tabs):
        self._sessions, self._key = sessions, key
        self._filming: dict[str, object] = {}  # by session, the drawing that is under way
        with gr.Tab("Clip", id="clip", visible=False) as self.tab, gr.Column(elem_id="xad-clip"):
            self._drawn, self._filmed = gr.State(""), gr.State("")  # what is in the page
            self._scale, self._curves_scale = gr.State(), gr.State()
            self._caption = gr.HTML()
            self._player = gr.Video(label="Clip", interactive=False, elem_id="xad-player", buttons=["download"])
            self._at = gr.Number(visible=False)  # where the player is to be, in seconds
            with gr.Row():
                self._marked = gr.Checkbox(True, label="Outline what is tracked, and the events", scale=4)
                self._stop = gr.Button("Stop drawing", size="sm", visible=False, scale=1)
            self._moment = gr.Slider(0, 1, 0, label="Moment, in seconds", elem_id="xad-moment")
            self._timeline = gr.Image(label="Score over time: choose a moment", interactive=False,
                                      buttons=["fullscreen"], elem_id="xad-timeline")  # fmt: skip
            self._events = gr.Radio(label="Events, the strongest first", elem_id="xad-events", visible=False)
            self._ask = gr.Button("Ask about event 1", size="sm", visible=False, elem_id="xad-ask-event")
            self._keys = gr.Gallery(label="Key frames", columns=3, height="auto", allow_preview=False, buttons=[],
                                    interactive=False, visible=False, elem_id="xad-keys")  # fmt: skip
            self._curves = gr.Image(label="What it does beside what is normal", interactive=False, visible=False,
                                    buttons=["fullscreen"], elem_id="xad-curves")  # fmt: skip
        self.outputs = [self._drawn, self._player, self._filmed]
        self._of_event = [self._ask, self._keys, self._curves, self._curves_scale]
        self._all = [self._drawn, self._caption, self._moment, self._timeline, self._scale, self._events,
                     *self._of_event]  # fmt: skip
        self._sought = [self._at, self._moment]
        self._draw_it = {"fn": self._draw, "inputs": [key, self._drawn], "outputs": self._all,
                         "show_progress_on": self._caption}  # fmt: skip
        self._go: dict[str, Any] = {"fn": None, "inputs": self._at, "js": _SEEK}
        self._wire(key)
        self._then_film(side.change(**self._draw_it, js=_IF_OPEN))

    def _wire(self, key: gr.Textbox) -> None:
        """What happens in the tab itself."""
        self._then_film(self._marked.input(lambda: None))
        self._stop.click(lambda key: self._filming.pop(key, None), key, None, concurrency_limit=None)
        seeking: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None}
        chosen = self._events.input(self._seek_event, [key, self._events], self._sought, **seeking)
        for sought in (
            self._moment.input(self._seek, [key, self._moment], self._at, trigger_mode="always_last", **seeking),
            self._timeline.select(self._seek_column, [key, self._scale], self._sought, **seeking),
            self._curves.select(self._seek_column, [key, self._curves_scale], self._sought, **seeking),
            self._keys.select(self._seek_key_frame, [key, self._events], self._sought, **seeking),
            chosen,
        ):
            sought.success(**self._go)
        chosen.success(self._show_event, [key, self._events], self._of_event)
        self.asked = self._ask.click(self._ask_about, [key, self._events], None, show_progress="hidden")

    def tab_for(self, kind: str) -> gr.Tab:
        """What becomes of the tab where this kind of media is shown; "" before any is."""
        return gr.Tab(visible=kind == "clip")

    def refresh(self, key: str) -> list[Any]:
        """What was drawn is let go of once no clip is asked about any more."""
        return [gr.skip()] * 3 if self._sessions.find(key).kind == "clip" else ["", None, ""]

    def draw_after(self, event: Any) -> None:
        """Draw anew after an event where the tab is open and there is something new."""
        self._then_film(event.then(**self._draw_it, js=_IF_OPEN))

    def _then_film(self, event: Any) -> None:
        """The player, where it does not show that already, and in it the moment chosen."""
        wanted = event.success(lambda: gr.Button(visible=True), None, self._stop, show_progress="hidden")
        filmed = wanted.success(self._film, [self._key, self._drawn, self._filmed, self._marked],
                                [self._player, self._filmed], show_progress_on=self._player)  # fmt: skip
        filmed.then(lambda: gr.Button(visible=False), None, self._stop, show_progress="hidden")
        sought = filmed.success(self._seek, [self._key, self._moment, self._drawn], self._at, show_progress="hidden")
        sought.success(**self._go)

    def _case(self, key: str) -> ClipCase:
        case = self._sessions.find(key).case()
        if not isinstance(case, ClipCase):
            raise XadError("there is no clip to look at: ask about one first")
        return case

    @telling
    def _draw(self, key: str, drawn: str, progress: gr.Progress = gr.Progress()) -> Any:  # noqa: B008
        session = self._sessions.find(key) if key else None
        if session is None or session.kind != "clip" or session.busy:
            return gr.skip()  # an answer that is worked on is followed by `draw_after`
        progress(0, desc="Watching the clip")
        case = self._case(key)
        now = f"{session.shown} {case.profile.fingerprint if case.profile else ''}"
        if now == drawn:
            return gr.skip()
        score, limit = numbers(case.score, case.reference.calibration.threshold())
        notes = [*case.clip.notes, *case.seen.notes]
        caption = render("clip", case=case, verdict=_verdict(case), score=score, limit=limit, notes=notes)
        plot = timeline_plot(case, column=True)
        choices = [(_told(case, event), place) for place, event in enumerate(case.events, 1)]
        clip = case.clip
        return [
            now,
            caption,
            gr.Slider(0, clip.duration, 0, step=1 / clip.fps, visible=clip.count > 1),
            gr.Image(plot.pixels, alt_text=_timeline_told(case)),
            plot.scale,
            gr.Radio(choices, value=1 if choices else None, visible=bool(choices)),
            *self._shown_event(case, 1),
        ]

    @telling
    def _film(self, key: str, drawn: str, filmed: str, marked: bool, progress: gr.Progress = gr.Progress()) -> Any:  # noqa: B008
        """The video; one that is begun meanwhile, or another kind of it, takes the place of one under way."""
        if not drawn:
            return gr.skip()
        case = self._case(key)
        own = self._filming[key] = object()

        def tell(frame: int) -> None:
            if self._filming.get(key) is not own:
                raise _NotWantedError
            if frame % _TOLD_EVERY == 0:
                progress((frame, case.clip.count), desc="Drawing", unit="frames")

        try:
            path = str(film(case, marked, self._sessions.find(key).folder / "films", tell))
        except _NotWantedError:
            if key not in self._filming:
                gr.Info("Drawing was stopped; it begins anew when the tab is opened again.")
            return gr.skip()
        if self._filming.get(key) is not own:
            return gr.skip()
        del self._filming[key]
        if path == filmed:
            return gr.skip()
        return [gr.Video(path, label=f"Clip: {case.clip.name}"), path]

    def _seek(self, key: str, seconds: float, drawn: str = "something") -> Any:
        """The player at the middle of the frame that is shown then, so that no rounding shows the one before."""
        if not drawn:
            return gr.skip()
        clip = self._case(key).clip
        frame = clip.index_at(min(max(seconds, 0), clip.time(clip.count - 1)))
        end = clip.time(frame + 1) if frame + 1 < clip.count else clip.duration
        return (clip.time(frame) + end) / 2

    def _sought_at(self, key: str, seconds: float) -> list[Any]:
        return [self._seek(key, seconds), round(seconds, 3)]

    @telling
    def _seek_column(self, key: str, scale: TimeScale, event: gr.SelectData) -> list[Any]:
        return self._sought_at(key, scale.time_at(event.index[0]))

    @telling
    def _seek_key_frame(self, key: str, number: int, event: gr.SelectData) -> list[Any]:
        case = self._case(key)
        return self._sought_at(key, case.clip.time(key_frames(_event(case, number))[event.index]))

    @telling
    def _seek_event(self, key: str, number: int) -> list[Any]:
        return self._sought_at(key, _event(self._case(key), number).start)

    @telling
    def _show_event(self, key: str, number: int) -> list[Any]:
        return self._shown_event(self._case(key), number)

    def _shown_event(self, case: ClipCase, number: int) -> list[Any]:
        """What belongs to one event: to ask about it, its key frames, its curves and their scale."""
        event = case.event(number)
        if event is None:
            return [gr.Button(visible=False), gr.Gallery([], visible=False), gr.Image(None, visible=False), None]
        pictures = [(pixels, f"{event.label}, {seconds:.1f} s") for seconds, pixels in key_pictures(case, event)]
        unusual = [c.name for c in contrast(case, event) if c.strangeness > MATTERS]
        measured = curves(case, event, unusual)
        plot = curves_plot(measured, event) if measured else None
        told = f"Over time, beside what is normal, of {event.label}: {'; '.join(curve.title for curve in measured)}"
        return [
            gr.Button(f"Ask about {event.label}", visible=True),
            gr.Gallery(pictures, label=f"Key frames of {event.label}", visible=True, selected_index=None),
            gr.Image(plot.pixels if plot else None, alt_text=told, visible=plot is not None),
            plot.scale if plot else None,
        ]

    @telling
    def _ask_about(self, key: str, number: int) -> None:
        self._sessions.find(key).ask(QUESTION.format(number=number))


def _verdict(case: ClipCase) -> Verdict:
    """What answers say; where none was given with this profile yet, what its score says."""
    return verdict_of(case) if case.measured("score", {}) else verdict(case)


def _event(case: ClipCase, number: int) -> Event:
    event = case.event(number)
    if event is None:
        raise XadError(f"there is no event {number} any more: open the tab again")
    return event


def _told(case: ClipCase, event: Event) -> str:
    """An event in a line: "event 1: 7.5 to 18.0 s, a bicycle, score 2.8, p-value 0.04"."""
    start, end = numbers(event.start, event.end)
    word = called(case, event)
    name = with_article(word) if word else "without a name"
    p_value = f", p-value {number(event.p_value)}" if event.p_value else ""
    return f"{event.label}: {start} to {end} s, {name}, score {number(event.score)}{p_value}"


def _timeline_told(case: ClipCase) -> str:
    score, limit = numbers(case.score, case.reference.calibration.threshold())
    events = "; ".join(f"{event.label} from {event.start:.1f} to {event.end:.1f} s" for event in case.events)
    beside = f", limit {limit}" if case.profile else ""
    return f"Score over {case.clip.duration:.1f} s: {score} at most{beside}; {events or 'no event'}"
