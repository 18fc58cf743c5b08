"""What can be taken along of an answer, and the link to the chat."""

from typing import Any

import gradio as gr

from xad_agent.app.exchange import ANSWER, ANSWER_PICTURE, REPORT, Exchange
from xad_agent.app.session import Session
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.clip_case import ClipCase
from xad_agent.errors import XadError, clean
from xad_agent.media import is_clip

_FILM = "annotated.mp4"
_FILES = {ANSWER_PICTURE: "PNG", REPORT: "HTML report", ANSWER: "JSON", _FILM: "MP4"}
_WAIT_SECONDS = 20


class ExportView:
    """The files of one answer, the last or an earlier one, and the chat's link.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.

    Attributes:
        link: To be filled with the page's address, which only the browser knows.
        outputs: What `refresh` gives.
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox):
        self._sessions = sessions
        self._which = gr.Dropdown(label="Answer", choices=[], interactive=True, elem_id="xad-export-which")
        with gr.Row():
            self._files = [gr.DownloadButton(what, visible=False, min_width=100) for what in _FILES.values()]
        self._film = gr.Button("Draw what was found into the clip", visible=False, size="sm")
        kept = "beyond this run of the app" if sessions.lasting else "as long as this app runs"
        self.link = gr.Textbox(
            label="Link to this chat",
            info=f"Whoever has it can read the chat and go on with it. It is kept {kept}.",
            interactive=False,
            buttons=["copy"],
            elem_id="xad-export-link",
        )
        self.outputs = [self._which, self._film, *self._files]
        quiet: Any = {"show_progress": "hidden", "concurrency_limit": None}
        self._which.input(self._choose, [key, self._which], self.outputs[1:], **quiet)
        self._film.click(self._draw, [key, self._which], [self._film, *self._files])

    def refresh(self, key: str) -> list[Any]:
        """The answers to choose from, and the last one's files."""
        session = self._sessions.find(key)
        answered = [exchange for exchange in session.exchanges if exchange.answer]
        if not answered:
            return [gr.Dropdown(choices=[], value=None), *[gr.update(visible=False)] * (1 + len(_FILES))]
        choices = [(f"{one.number + 1}: {clean(one.question)}", one.number) for one in answered]
        return [gr.Dropdown(choices=choices, value=answered[-1].number), *_shown(session, answered[-1])]

    @telling
    def _choose(self, key: str, number: int) -> list[Any]:
        session = self._sessions.find(key)
        return _shown(session, _answered(session, number))

    @telling
    def _draw(self, key: str, number: int, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008 - Gradio looks for it
        from xad_agent.media.clip_writing import write_clip
        from xad_agent.media.filmstrip import annotated

        session = self._sessions.find(key)
        exchange = _answered(session, number)
        case = session.case() if _is_shown(session, exchange) and not session.busy else None
        if not isinstance(case, ClipCase):
            raise XadError("only the clip that is asked about can be drawn into, and once its question is answered")
        frames = progress.tqdm(annotated(case), total=case.clip.count, desc="drawing")
        write_clip(exchange.folder / _FILM, frames, case.clip.fps)
        return _shown(session, exchange)


def _answered(session: Session, number: int | None) -> Exchange:
    """XadError where there is no such answer."""
    exchanges = [exchange for exchange in session.exchanges if exchange.number == number and exchange.answer]
    if not exchanges:
        raise XadError("there is no such answer: choose one of the list")
    return exchanges[0]


def _is_shown(session: Session, exchange: Exchange) -> bool:
    return session.shown == exchange.shown


def _shown(session: Session, exchange: Exchange) -> list[Any]:
    """The button that makes the film, where it can, and the files there are."""
    exchange.exported.wait(_WAIT_SECONDS)
    paths = [exchange.folder / name for name in _FILES]
    film = is_clip(exchange.shown) and _is_shown(session, exchange) and not paths[-1].is_file()
    files = [gr.DownloadButton(value=str(path) if path.is_file() else None, visible=path.is_file()) for path in paths]
    return [gr.Button(visible=film), *files]
