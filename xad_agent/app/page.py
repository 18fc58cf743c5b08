"""The page: which view is where, and what one tells the others."""

from typing import Any

import gradio as gr

from xad_agent.app.batch_tab import BatchTab
from xad_agent.app.chat_view import ChatView, messages
from xad_agent.app.clip_view import ClipView
from xad_agent.app.evidence_view import EvidenceView
from xad_agent.app.export_view import ExportView
from xad_agent.app.models_tab import ModelsTab
from xad_agent.app.normal_tab import NormalTab
from xad_agent.app.picture_view import PictureView
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
        kind = gr.Textbox("picture", visible=False)  # of what is shown; its tab is chosen once that changes
        gr.HTML("<h1 class='xad-title'>Where is it anomalous, and why?</h1>")
        tabs = gr.Tabs()
        with tabs, gr.Tab("Ask", id="ask"), gr.Row():
            with gr.Column(scale=5, min_width=330):
                chat = ChatView(sessions, key)
            with gr.Column(scale=6, min_width=330, elem_id="xad-side"):
                side = gr.Tabs()
            with side:
                picture = PictureView(sessions, key)
                clip = ClipView(sessions, key, side)
                with gr.Tab("Evidence", id="evidence"):
                    evidence = EvidenceView(sessions, key, side, chat.marks)
                with gr.Tab("Export", id="export"):
                    exports = ExportView(sessions, key)
        with tabs, gr.Tab("Normal", id="normal") as normal_tab:
            normal = NormalTab(sessions, key)
        with tabs, gr.Tab("Batch", id="batch"):
            batch = BatchTab(sessions, key, tabs)
        with tabs, gr.Tab("Models", id="models"):
            models = ModelsTab(sessions, key, local)
        views = (picture, clip, exports)  # of what is shown; the tab of the other kind is put away

        def opened(request: gr.Request) -> tuple[Any, ...]:
            asked = request.query_params.get("chat", "")
            try:
                session = sessions.find(asked) if asked else sessions.new()
            except XadError as error:
                gr.Warning(str(error))
                session = sessions.new()
            return session.key, messages(session), gr.MultimodalTextbox(interactive=True)

        def begun_anew(key: str) -> tuple[Any, ...]:
            session = sessions.new(sessions.find(key))
            return session.key, messages(session), *evidence.clear()

        def turned(key: str) -> list[Any]:
            shown = sessions.find(key).kind
            return [shown or "picture", picture.tab_for(shown), clip.tab_for(shown)]

        def look_again(key: str) -> list[Any]:
            return [update for view in views for update in view.refresh(key)]

        named = {"fn": None, "inputs": key, "outputs": exports.link, "js": _NAME_IN_ADDRESS}
        quiet: dict[str, Any] = {"inputs": key, "concurrency_limit": None, "show_progress": "hidden"}
        turn = {"fn": turned, "outputs": [kind, picture.tab, clip.tab], **quiet}
        follow = {"fn": chat.follow, "outputs": [chat.conversation, chat.stop], **quiet}
        look = {"fn": look_again, "outputs": [part for view in views for part in view.outputs], **quiet}
        begun = page.load(opened, None, [key, chat.conversation, chat.question]).then(**named)
        for event in (begun, chat.asked, chat.taken, *chat.demo.asked, *picture.asked, clip.asked, batch.asked):
            clip.draw_after(event.success(**turn).then(**follow).then(**look))
        key.change(models.refresh, key, models.outputs, show_progress="hidden")
        key.change(batch.refresh, key, batch.outputs, show_progress="hidden")
        kind.change(lambda kind: gr.Tabs(selected=kind), kind, side)
        normal_tab.select(**normal.opening)
        anew = [chat.new.click, chat.conversation.clear]
        begun = gr.on(anew, telling(begun_anew), key, [key, chat.conversation, *evidence.outputs])
        begun.then(**named).then(**turn).then(**look)
    return page
