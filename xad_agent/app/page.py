"""The page: which view is where, and what one tells the others."""

from typing import Any

import gradio as gr

from xad_agent.app.chat_view import ChatView, messages
from xad_agent.app.clip_view import ClipView
from xad_agent.app.evidence_view import EvidenceView
from xad_agent.app.sessions import Sessions
from xad_agent.errors import XadError

_DAY = 24 * 3600
# The address names the chat, so that a reload, or the link in another tab, goes on with it.
_NAME_IN_ADDRESS = "key => history.replaceState(null, '', '?chat=' + key)"


def build(sessions: Sessions) -> gr.Blocks:
    """The page for everybody in `sessions`."""
    with gr.Blocks(title="xad-agent", analytics_enabled=False, delete_cache=(3600, _DAY)) as page:
        key = gr.Textbox(visible=False)  # and no gr.State, since the address is to show it
        gr.HTML("<h1 class='xad-title'>Where is it anomalous, and why?</h1>")
        with gr.Tabs(), gr.Tab("Ask"), gr.Row():
            with gr.Column(scale=5, min_width=330):
                chat = ChatView(sessions, key)
            with gr.Column(scale=6, min_width=330, elem_id="xad-side"):
                side = gr.Tabs()
            with side:
                with gr.Tab("Evidence", id="evidence"):
                    evidence = EvidenceView(sessions, key, side)
                clip = ClipView(sessions, key, side)
        views = (clip,)  # of what is shown

        def opened(request: gr.Request) -> tuple[str, list[dict[str, Any]]]:
            asked = request.query_params.get("chat", "")
            try:
                session = sessions.find(asked) if asked else sessions.new()
            except XadError as error:
                gr.Warning(str(error))
                session = sessions.new()
            return session.key, messages(session)

        def begun_anew() -> tuple[Any, ...]:
            session = sessions.new()
            return session.key, messages(session), *evidence.clear()

        def look_again(key: str) -> list[Any]:
            return [update for view in views for update in view.refresh(key)]

        named = {"fn": None, "inputs": key, "js": _NAME_IN_ADDRESS}
        follow = {"fn": chat.follow, "inputs": key, "outputs": [chat.conversation, chat.stop],
                  "concurrency_limit": None, "show_progress": "hidden"}  # fmt: skip
        look = {"fn": look_again, "inputs": key, "outputs": [part for view in views for part in view.outputs],
                "concurrency_limit": None, "show_progress": "hidden"}  # fmt: skip
        begun = page.load(opened, None, [key, chat.conversation]).then(**named)
        for event in (begun, chat.asked, chat.taken, clip.asked):
            clip.draw_after(event.success(**follow).then(**look))
        chat.new.click(begun_anew, None, [key, chat.conversation, *evidence.outputs]).then(**named).then(**look)
    return page
