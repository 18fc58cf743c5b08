"""What is normal: profiles made, chosen, looked at, saved and loaded, and how many false alarms are allowed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from xad_agent.app.judged import judge, meaning
from xad_agent.app.normal import KINDS
from xad_agent.app.rendering import render
from xad_agent.app.session import Session
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.clip_profile import ClipProfile
from xad_agent.errors import XadError
from xad_agent.media import Picture
from xad_agent.media.clip import spread
from xad_agent.media.scaling import shrink
from xad_agent.picture_profile import PictureProfile
from xad_agent.profile import Profile
from xad_agent.profile_zip import pack

LEAST, MOST = 0.001, 0.2  # alpha on the slider
EXAMPLES, SIDE = 24, 320  # how many are shown, and how large, px
_NONE = "none"
_WANTED = "<p class='xad-foot'>Good to have: 100 or more pictures, or 16 or more clips (video files) of one camera.</p>"
# After a reload the tab may be opened before the page knows its chat again; the address does.
_CHAT = """async () => {
    while (!location.search.includes('chat=')) await new Promise(done => setTimeout(done, 50));
    return new URLSearchParams(location.search).get('chat');
}"""
# The saved file is there once the hidden button has it; then the browser is to fetch it, as if it had been clicked.
_FETCH = "() => setTimeout(() => document.querySelector('#xad-saved').click(), 300)"


class NormalTab:
    """The profiles of one kind of media at a time.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.

    Attributes:
        outputs: What `refresh` gives updates for.
        opening: What is to be done when the tab is opened.
        changed: Go off, with `success`, once another profile or alpha is in use.
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox):
        self._sessions = sessions
        with gr.Row():
            with gr.Column(scale=5, min_width=330):
                self._choosing()
                self._making()
            with gr.Column(scale=6, min_width=330):
                self._inspected = gr.HTML(elem_id="xad-profile")
                self._gallery = gr.Gallery(
                    label="Examples of normal", columns=4, height="auto", object_fit="contain", interactive=False,
                    elem_id="xad-exemplars",
                )  # fmt: skip
        self._moved = [self._said, self._inspected]
        self._shown = [self._kind, self._name, self._alpha, *self._moved, self._gallery, self._save]
        self.outputs = [*self._shown, self._made]
        self._following: dict[str, Any] = {"fn": self.follow, "inputs": key, "outputs": self.outputs,
                                          "show_progress_on": self._made, "concurrency_limit": None}  # fmt: skip
        self.opening = {**self._following, "js": _CHAT}
        self.changed = self._wired(key)

    @telling
    def refresh(self, key: str, kind: str = "") -> list[Any]:
        """Everything, for what is shown in the chat or for a kind of media."""
        session = self._sessions.find(key)
        making = session.normal.making
        return [*self._show(session, kind), render("made", making=making) if making else ""]

    def follow(self, key: str, progress: gr.Progress = gr.Progress()) -> Iterator[list[Any]]:  # noqa: B008
        """The same and, where a profile is being made, its progress, and the same again once it is over."""
        yield self.refresh(key)
        normal = self._sessions.find(key).normal
        if normal.busy and (making := normal.making):
            making.follow(progress)
            yield self.refresh(key, making.profile.kind if making.profile else "")

    def _choosing(self) -> None:
        self._kind = gr.Radio(
            [("Pictures", "picture"), ("Clips", "clip")],
            value="picture",
            label="What is normal for",
            elem_id="xad-kind",
        )
        self._name = gr.Dropdown([(_NONE, "")], value="", label="Profile in use", elem_id="xad-profile-name")
        self._alpha = gr.Slider(
            LEAST, MOST, value=0.01, step=LEAST, label="Alpha: share of false alarms", buttons=[], elem_id="xad-alpha"
        )
        self._said = gr.HTML(elem_id="xad-at-alpha")
        with gr.Row():
            self._save = gr.Button("Save as .zip", size="sm", interactive=False, elem_id="xad-save")
            self._load = gr.UploadButton("Load a .zip", size="sm", file_types=[".zip"], elem_id="xad-load")
        self._saved = gr.DownloadButton(visible="hidden", elem_id="xad-saved")

    def _making(self) -> None:
        with gr.Accordion("Make a profile from normal pictures or clips", open=True):
            gr.HTML(_WANTED)
            self._files = gr.File(
                label="Normal pictures or clips",
                file_count="multiple",
                height=180,
                elem_id="xad-normal-files",
            )
            self._folder = gr.File(label="Or a whole folder", file_count="directory", height=180, elem_id="xad-folder")
            self._new = gr.Textbox(label="Name of the profile", placeholder="screw", max_lines=1, elem_id="xad-new")
            with gr.Row():
                self._make = gr.Button("Make", variant="primary", size="sm", elem_id="xad-make")
                self._stop = gr.Button("Stop", size="sm", elem_id="xad-stop-making")
            self._made = gr.HTML(min_height=60, elem_id="xad-made")

    def _wired(self, key: gr.Textbox) -> list[Any]:
        unlimited: dict[str, Any] = {"concurrency_limit": None}
        self._kind.input(self._turn, [key, self._kind], self._shown, **unlimited)
        chosen = self._name.input(self._choose, [key, self._kind, self._name], self._shown, **unlimited)
        moved = self._alpha.input(
            self._set, [key, self._kind, self._alpha], self._moved, trigger_mode="always_last", show_progress="hidden",
            **unlimited,
        )  # fmt: skip
        making = self._make.click(self._begin, [key, self._files, self._folder, self._new, self._alpha],
                                  self._made, **unlimited)  # fmt: skip
        made = making.success(**self._following)
        self._stop.click(self._end, key, None, **unlimited)
        self._save.click(self._pack, [key, self._kind], self._saved).success(None, js=_FETCH)
        loaded = self._load.upload(self._unpack, [key, self._load], self._shown)
        return [chosen, moved, made, loaded]

    @telling
    def _turn(self, key: str, kind: str) -> list[Any]:
        return self._show(self._sessions.find(key), kind)

    @telling
    def _choose(self, key: str, kind: str, name: str) -> list[Any]:
        session = self._sessions.find(key)
        session.normal.use(kind, name)
        return self._show(session, kind)

    @telling
    def _set(self, key: str, kind: str, alpha: float) -> list[str]:
        session = self._sessions.find(key)
        if name := session.normal.names[kind]:
            session.normal.use(kind, name, alpha)
        return self._told(session, kind)

    @telling
    def _begin(self, key: str, files: list[str] | None, folder: list[str] | None, name: str, alpha: float) -> str:
        making = self._sessions.find(key).normal.make(name.strip(), [*(files or ()), *(folder or ())], alpha)
        return render("made", making=making)

    @telling
    def _end(self, key: str) -> None:
        normal = self._sessions.find(key).normal
        if not normal.busy:
            raise XadError("no profile is being made")
        normal.stop()

    @telling
    def _pack(self, key: str, kind: str) -> gr.DownloadButton:
        session = self._sessions.find(key)
        profile = session.settings.profiles[kind]
        # Gradio serves what lies here; another content has another address, so that no browser gives an old one.
        folder = Path(self._saved.GRADIO_CACHE, session.key, profile.fingerprint[:16])
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{session.normal.names[kind]}.zip"
        pack(profile, file)
        return gr.DownloadButton(value=str(file))

    @telling
    def _unpack(self, key: str, file: str) -> list[Any]:
        session = self._sessions.find(key)
        return self._show(session, session.normal.take_in(Path(file)))

    def _show(self, session: Session, kind: str = "") -> list[Any]:
        """Updates for `_shown`."""
        kind = kind or session.kind or next((kind for kind in KINDS if session.normal.names[kind]), KINDS[0])
        profile = session.settings.profiles.get(kind)
        choices = [(_NONE, ""), *((name, name) for name in session.normal.choices(kind))]
        alpha = profile.calibration.alpha if profile else 0.01
        slider = gr.Slider(min(LEAST, alpha), max(MOST, alpha), value=alpha, interactive=profile is not None)
        for lost in session.normal.lost:
            gr.Warning(lost)
        session.normal.lost.clear()
        return [
            kind,
            gr.Dropdown(choices, value=session.normal.names[kind]),
            slider,
            *self._told(session, kind),
            gr.Gallery(_examples(profile), visible=profile is not None),
            gr.Button(interactive=profile is not None),
        ]

    def _told(self, session: Session, kind: str) -> list[str]:
        """Updates for `_moved`: what alpha means and makes of what is shown, and the profile itself."""
        profile = session.settings.profiles.get(kind)
        if profile is None:
            return ["", render("profile", profile=None, kind=kind)]
        judged = judge(session, kind)
        name = session.normal.names[kind]
        return [
            render("alpha", meaning=meaning(profile), judged=judged),
            render("profile", profile=profile, name=name, kind=kind, score=judged.score),
        ]


def _examples(profile: Profile | None) -> list[tuple[Any, str]]:
    """Some normal examples, evenly spread over those that are kept, small, with their names."""
    kept: list[Picture] = []
    if isinstance(profile, PictureProfile):
        kept = [profile.exemplar(index) for index in spread(profile.exemplars, EXAMPLES)]
    elif isinstance(profile, ClipProfile):
        things = [one.shown for one in profile.exemplars]
        few = spread(len(things), EXAMPLES - len(profile.views)) if things else []
        kept = [*profile.views, *(things[index] for index in few)]
    return [(shrink(picture, SIDE).pixels, picture.name) for picture in kept]
