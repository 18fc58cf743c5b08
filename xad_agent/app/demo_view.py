"""Something to try: the demo's cases, each with a profile of what is normal there."""

import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.demo import CASES, DemoCase
from xad_agent.errors import XadError


class DemoView:
    """A button for each case of the demo.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.

    Attributes:
        asked: Go off, with `success`, once a case is asked about; its profile is then in use.
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox):
        self._sessions = sessions
        with gr.Row():
            buttons = [gr.Button(f"Try: {case.title}", size="sm", elem_id=f"xad-try-{case.name}") for case in CASES]
        progress = gr.HTML(visible="hidden", elem_id="xad-trying")
        self.asked = []
        for button, case in zip(buttons, CASES, strict=True):
            # While a profile is made there is a bar to see; the place for it is gone once the question is asked.
            shown = button.click(lambda: gr.HTML("<p></p>", visible=True, min_height=60), None, progress)
            asked = shown.then(self._asker(case), key, progress, concurrency_limit=None)
            asked.then(lambda: gr.HTML(visible="hidden"), None, progress)
            self.asked.append(asked)

    def _asker(self, case: DemoCase) -> Any:
        @telling
        def ask(key: str, progress: gr.Progress = gr.Progress()) -> None:  # noqa: B008 - Gradio's way
            session = self._sessions.find(key)
            if making := session.normal.shared.demo(case):
                making.follow(progress)
                if making.error:
                    raise XadError(making.error)
            session.normal.use(case.kind, case.profile_name)
            with tempfile.TemporaryDirectory() as folder:
                session.ask(case.question, [case.show(Path(folder))])

        return ask
