"""The conversation: questions with pictures and clips, what is measured meanwhile, and answers with their marks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from xad_agent.app.demo_view import DemoView
from xad_agent.app.exchange import Exchange
from xad_agent.app.rendering import render
from xad_agent.app.session import Session
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.app.thumbnails import thumbnail
from xad_agent.errors import XadError

_LOOK_SECONDS = 0.1
_EMPTY = (
    "Drop a picture or a clip here, paste it, or take an example below. Then ask **where** and **why** it is anomalous."
)

# A mark in the conversation is a link to a place that is not in the page; this tells which was followed. It is not
# among the tabs, since Gradio makes what is in them once they are looked at.
_FOLLOW = """
let pressed = {};
const markAt = event => event.target.closest('a.xad-chip');
document.addEventListener('pointerdown', event => {
    pressed = {mark: markAt(event), x: event.clientX, y: event.clientY};
});
document.addEventListener('click', event => {
    // What was pressed may scroll away below the pointer, when an answer has just come.
    const still = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < 4;
    const mark = markAt(event) || (still && pressed.mark);
    if (!mark) return;
    event.preventDefault();
    trigger('select', {mark: mark.hash.slice(1)});
    const side = document.getElementById('xad-side');  // on a phone it stands below
    side.scrollIntoView({block: side.getBoundingClientRect().top > innerHeight / 3 ? 'start' : 'nearest'});
});
"""


class ChatView:
    """The conversation and what is typed into it.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.

    Attributes:
        marks: Goes off by `select` with the `mark` that was chosen, as "evidence-0-E1" or "dropped-0".
        asked: Goes off once a question was taken; then `follow`.
        demo: The cases to try, which are asked about too.
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox):
        self._sessions = sessions
        self.conversation = gr.Chatbot(
            label="Conversation",
            show_label=False,  # it would cover the first line
            height="62vh",
            buttons=["copy_all"],
            placeholder=_EMPTY,
            latex_delimiters=[],
            elem_id="xad-conversation",
        )
        self.marks = gr.HTML(js_on_load=_FOLLOW)
        self.question = gr.MultimodalTextbox(
            label="Question",
            placeholder="Where is it anomalous, and why?",
            file_types=["image", "video"],
            file_count="multiple",
            interactive=False,  # until the session is there
            elem_id="xad-question",
        )
        self.demo = DemoView(sessions, key)
        with gr.Row():
            self.stop = gr.Button("Stop", size="sm", interactive=False, elem_id="xad-stop")
            self.new = gr.Button("New chat", size="sm")
        with gr.Accordion("Take a picture or a clip with the camera", open=False):
            straight: dict[str, Any] = {"sources": ["webcam"], "webcam_options": gr.WebcamOptions(mirror=False)}
            self.camera = gr.Image(label="Camera", type="filepath", format="png", **straight)
            self.film = gr.Video(label="Film", **straight)
            self.film.preprocess = _as_taken
            taken = gr.Button("Ask about what was taken", size="sm")
        self.asked = self.question.submit(self._ask, [key, self.question], self.question, show_progress="hidden")
        self.taken = taken.click(self._ask_about_taken, [key, self.camera, self.film, self.question],
                                 [self.question, self.camera, self.film], show_progress="hidden")  # fmt: skip
        self.stop.click(self._stop, key, None, concurrency_limit=None)

    async def follow(self, key: str) -> AsyncIterator[list[Any]]:
        """The conversation and the stop button, whenever there is something new, until all is answered."""
        session, shown = self._sessions.find(key), None
        while True:
            busy, now = session.busy, session.state
            if now != shown:
                shown = now
                yield [messages(session), gr.Button(interactive=busy)]
            if not busy:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    @telling
    def _ask(self, key: str, message: dict[str, Any]) -> gr.MultimodalTextbox:
        self._sessions.find(key).ask(message["text"], message["files"])
        return gr.MultimodalTextbox(value=None)

    @telling
    def _ask_about_taken(self, key: str, picture: str | None, film: str | None, message: dict[str, Any]) -> list[Any]:
        taken = [file for file in (picture, film) if file]
        if not taken:
            raise XadError("nothing was taken yet: take a picture or a clip first")
        self._sessions.find(key).ask((message or {}).get("text", ""), taken)
        return [gr.MultimodalTextbox(value=None), None, None]

    def _stop(self, key: str) -> None:
        self._sessions.find(key).stop()


def _as_taken(film: FileData | None) -> str | None:
    """Where a film was put; Gradio would have the program ffmpeg, which few machines have, take its sound out first."""
    return film and film.path


def messages(session: Session) -> list[dict[str, Any]]:
    """What `gr.Chatbot` shows of a session."""
    said: list[dict[str, Any]] = []
    for exchange in session.exchanges:
        if exchange.new:
            said.append({"role": "user", "content": _shown(exchange.shown)})
        said.append({"role": "user", "content": render("question", text=exchange.question)})
        said.append({"role": "assistant", "content": _answer(exchange)})
    return said


def _answer(exchange: Exchange) -> str:
    tools = dict.fromkeys(step.tool for step in exchange.steps if step.kind == "tool")
    return render("exchange", exchange=exchange, tools=list(tools))


def _shown(file: Path) -> Any:
    """A medium small, or its name where it cannot be read; the answer then says why."""
    small = thumbnail(file)
    return render("question", text=file.name) if small is None else {"path": str(small), "alt_text": file.name}
