"""The evidence behind a sentence: what was measured, beside what is normal, and what the checker dropped."""

from typing import Any

import gradio as gr

from xad_agent.app.exchange import NEAREST
from xad_agent.app.rendering import render
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.errors import XadError

HINT = "<p class='xad-foot'>Choose a mark such as E1 behind a sentence: what it rests on is shown here.</p>"
# A mark in the conversation is a link to a place that is not in the page; this component tells which was followed.
_FOLLOW = """
document.addEventListener('click', event => {
    const mark = event.target.closest('a.xad-chip');
    if (!mark) return;
    event.preventDefault();
    trigger('select', {mark: mark.hash.slice(1)});
    document.getElementById('xad-side').scrollIntoView({block: 'nearest'});
});
"""


class EvidenceView:
    """One evidence at a time.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.
        side: The tabs that it is one of, under the id "evidence".
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox, side: gr.Tabs):
        self._sessions = sessions
        with side.parent:  # what is in a tab listens to nothing before the tab is chosen
            followed = gr.HTML("", js_on_load=_FOLLOW, visible="hidden")
        self._shown = gr.HTML(HINT, elem_id="xad-evidence")
        with gr.Row():
            self._figure = gr.Image(label="What the tool saw", interactive=False, visible=False, buttons=["fullscreen"])
            self._normal = gr.Image(label="Nearest normal", interactive=False, visible=False, buttons=["fullscreen"])
        self.outputs = [self._shown, self._figure, self._normal]
        followed.select(self._follow, key, [*self.outputs, side], show_progress="hidden", concurrency_limit=None)

    def clear(self) -> list[Any]:
        """What `outputs` show before a mark is followed."""
        return [HINT, gr.Image(visible=False), gr.Image(visible=False)]

    @telling
    def _follow(self, key: str, event: gr.EventData) -> list[Any]:
        session = self._sessions.find(key)
        kind, _, rest = str(event.mark).partition("-")
        number, _, evidence = rest.partition("-")
        try:
            exchange = session.exchanges[int(number)]
            entry = exchange.find(evidence)
            answer = exchange.answer
        except (ValueError, IndexError):
            entry = answer = None
        if kind == "dropped" and answer:
            return [render("dropped", dropped=answer.dropped), *self.clear()[1:], gr.Tabs(selected="evidence")]
        if entry is None:
            raise XadError(f"there is no evidence {event.mark!r}")
        exchange.exported.wait(10)
        figure, nearest = exchange.figure(entry), exchange.folder / NEAREST
        beside = figure is not None and nearest.is_file()
        return [
            render("evidence", entry=entry),
            gr.Image(figure, visible=figure is not None, alt_text=f"What {entry.tool} saw: {entry.statement}"),
            gr.Image(
                nearest if beside else None,
                visible=beside,
                label=f"Nearest normal: {exchange.nearest}",
                alt_text="The nearest normal example",
            ),
            gr.Tabs(selected="evidence"),
        ]
