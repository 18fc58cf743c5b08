"""Which models answer and see: chosen for one session, from what is present or, on one's own machine, by any spec."""

from typing import Any

import gradio as gr

from xad_agent import weights
from xad_agent.app.rendering import render
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.errors import XadError
from xad_agent.llm import load_chat_model
from xad_agent.llm.present import present_chat_models
from xad_agent.perception.models import NONE, ROLES, Models, Role, chosen, known, on_this_machine

_WHAT = {
    "clip": "CLIP: anomaly maps without a normal example, names",
    "prompts": "Prompts that AnomalyCLIP learned, for that CLIP",
    "finder": "Grounding DINO or another detector: finds what you name",
    "segmenter": "SAM: masks",
    "vlm": "Vision-language model: a second opinion",
}
_OF_THIS_MACHINE = ("hf", "gguf")
_PRIVACY = (
    "A key stays in this session's memory: it is written nowhere, and gone with the session. With a model behind a "
    "network, your questions and what was measured are sent to its provider; pictures only where it looks at them."
)


class ModelsTab:
    """The models of a session.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.
        local: Whether the page can only be reached from this machine: then folders, files and addresses may be named.
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox, local: bool):
        self._sessions, self._local = sessions, local
        gr.Markdown(
            "Choose what answers and what looks at your pictures, for this chat and those that you begin after."
        )
        with gr.Row():
            with gr.Column(min_width=330):
                self._llm = gr.Dropdown(
                    label="Language model",
                    info="Of those present, or PROVIDER:MODEL such as openai:gpt-5, anthropic:..., ollama:...",
                    allow_custom_value=True,
                    interactive=True,
                    elem_id="xad-llm",
                )
                self._api_key = gr.Textbox(label="Key of its provider", type="password", info=_PRIVACY)
                self._thing = gr.Textbox(label="What is looked at", info="In a word or two, for models that read.")
            with gr.Column(min_width=330):
                self._roles = {role: self._choice(role) for role in ROLES}
        use = gr.Button("Use these models", variant="primary")
        self._told = gr.Markdown(elem_id="xad-models-told")
        with gr.Accordion("What is here", open=False) as here:
            self._here = gr.HTML()
        chosen_now = [self._llm, self._api_key, self._thing, *self._roles.values()]
        self.outputs = [self._llm, self._thing, *self._roles.values(), self._told]
        use.click(
            self._use, [key, *chosen_now], [self._told, self._api_key], concurrency_id="models", concurrency_limit=1
        )
        here.expand(self._standing, None, self._here)

    def refresh(self, key: str) -> list[Any]:
        """What the session uses, and what else there is to choose from."""
        settings = self._sessions.find(key).settings
        models = [settings.llm, *(spec for spec in present_chat_models() if spec != settings.llm)]
        roles = [
            gr.Dropdown(choices=_present(role), value=settings.models.get(role, _by_default(role))) for role in ROLES
        ]
        return [gr.Dropdown(choices=models, value=settings.llm), settings.thing, *roles, ""]

    def _choice(self, role: Role) -> gr.Dropdown:
        return gr.Dropdown(label=_WHAT[role], choices=[NONE], allow_custom_value=self._local, interactive=True)

    @telling
    def _use(self, key: str, llm: str, api_key: str, thing: str, *roles: str) -> tuple[str, str]:
        """Take the models into use once they are seen to load."""
        session = self._sessions.find(key)
        llm, api_key = llm.strip(), api_key.strip()
        self._check(llm, session.settings.llm)
        given: dict[str, str] = {
            role: spec.strip() for role, spec in zip(ROLES, roles, strict=True) if spec and spec.strip()
        }
        specs = {role: spec for role, spec in given.items() if spec != _by_default(role)}
        same = llm == session.settings.llm and not api_key
        load_chat_model(llm, session.settings.key if same else api_key)
        models = Models(specs, thing)
        for role in models.specs:
            getattr(models, role)
        session.use(llm, session.settings.key if same else api_key, specs, thing.strip())
        seen = ", ".join(f"{role} {spec}" for role, spec in models.specs.items()) or "the embedded ones"
        return f"In use from the next question on: **{_plain(llm)}** answers; {_plain(seen)} look.", ""

    def _check(self, llm: str, used: str) -> None:
        """XadError where somebody elsewhere names what only this machine's owner may."""
        kind = llm.partition(":")[0]
        if self._local or llm == used or llm in present_chat_models():
            return
        if kind in _OF_THIS_MACHINE or "@" in llm:
            raise XadError(f"{llm}: this page is open to others, so folders and addresses cannot be named in it")

    def _standing(self) -> str:
        ours = [
            {"name": row.name, "role": row.role, "size": row.size, "licence": row.licence, "status": row.status}
            for row in weights.listing()
        ]
        hub = [
            {"name": one.name, "role": one.role, "size": one.size, "licence": one.licence,
             "status": "present" if on_this_machine(one.spec) else "missing"}
            for one in known()
        ]  # fmt: skip
        return render("models", rows=[*ours, *hub])


def _present(role: Role) -> list[str]:
    """What can be chosen for a role without fetching anything."""
    cached = [one.name for one in known() if one.role == role and on_this_machine(one.spec)]
    return list(dict.fromkeys([_by_default(role), NONE, *cached]))


def _by_default(role: str) -> str:
    """What `xad models use` chose, or none."""
    return next((choice.spec for name, choice in chosen().items() if name == role), NONE)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "`" + text.replace("`", "'") + "`"
