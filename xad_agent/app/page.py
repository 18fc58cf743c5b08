"""The page: which view is where, and what one tells the others."""

from typing import Any

import gradio as gr

from xad_agent.app.batch_tab import BatchTab
from xad_agent.app.chat_view import ChatView, messages
from xad_agent.app.evidence_view import EvidenceView
from xad_agent.app.export_view import ExportView
from xad_agent.app.models_tab import ModelsTab
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.errors import XadError

_DAY = 24 * 3600
# The address names the chat, so that a reload, or the link in another tab, goes on with it.
_NAME_IN_ADDRESS = "key => { history.replaceState(null, '', '?chat=' + key); return location.href; }"


def build(sessions: Sessions, local: bool = True) -> gr.Blocks:
    """The page for everybody in `sessions`; `local` where it can only be reached from this machine."""
    with gr.Blocks(title="xad-agent", analytics_enabled=False, delete_cache=(3600, _DAY)) as page:
        key = gr.Textbox(visible=False)  # and no gr.State, since the address is to show it
        gr.HTML("<h1 class='xad-title'>Where is it anomalous, and why?</h1>")
        with gr.Tabs() as tabs:
            with gr.Tab("Ask", id="ask"), gr.Row():
                with gr.Column(scale=5, min_width=330):
                    chat = ChatView(sessions, key)
                with gr.Column(scale=6, min_width=330, elem_id="xad-side"):
                    side = gr.Tabs()
                with side, gr.Tab("Evidence", id="evidence"):
                    evidence = EvidenceView(sessions, key, side)
                with side, gr.Tab("Export", id="export"):
                    exports = ExportView(sessions, key)
            with gr.Tab("Batch", id="batch"):
                batch = BatchTab(sessions, key, tabs)
            with gr.Tab("Models", id="models"):
                models = ModelsTab(sessions, key, local)

        def opened(request: gr.Request) -> tuple[str, list[dict[str, Any]]]:
            asked = request.query_params.get("chat", "")
            try:
                session = sessions.find(asked) if asked else sessions.new()
            except XadError as error:
                gr.Warning(str(error))
                session = sessions.new()
            return session.key, messages(session)

        def begun_anew(key: str) -> tuple[Any, ...]:
            session = sessions.new(sessions.find(key))
            return session.key, messages(session), *evidence.clear()

        named = {"fn": None, "inputs": key, "outputs": exports.link, "js": _NAME_IN_ADDRESS}
        follow = {"fn": chat.follow, "inputs": key, "outputs": [chat.conversation, chat.stop],
                  "concurrency_limit": None, "show_progress": "hidden"}  # fmt: skip
        export = {"fn": exports.refresh, "inputs": key, "outputs": exports.outputs,
                  "concurrency_limit": None, "show_progress": "hidden"}  # fmt: skip
        page.load(opened, None, [key, chat.conversation]).then(**named).then(**follow).then(**export)
        key.change(models.refresh, key, models.outputs, show_progress="hidden")
        key.change(batch.refresh, key, batch.outputs, show_progress="hidden")
        for asked in (chat.asked, chat.taken, batch.asked):
            asked.success(**follow).then(**export)
        chat.new.click(telling(begun_anew), key, [key, chat.conversation, *evidence.outputs]).then(**named).then(
            **export
        )
    return page
