"""Sessions of the noise world, answered by a scripted chat model: quick, and without any weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from PIL import Image

from tests.normal import NormalProfile, texture, with_square
from tests.scripted import ScriptedChatModel, call, draft
from xad_agent.app.exchange import Exchange
from xad_agent.app.session import Session
from xad_agent.app.sessions import Sessions

FLAWED = (60, 20, 76, 40)


@contextmanager
def on_a_page() -> Iterator[None]:
    """Where components can be made; the page's server, which takes longer than they do, is not."""
    import gradio as gr

    with mock.patch("gradio.routes.App.create_app"), gr.Blocks():
        yield


def sessions(folder: Path, monkeypatch: pytest.MonkeyPatch, script: Sequence[Any] = (), **settings: Any) -> Sessions:
    """Sessions in a folder; each question begins the script anew, which by default scores and says what came out."""
    said = list(script) or [call("score"), draft("It is anomalous.", "verdict", "E1")]
    monkeypatch.setattr("xad_agent.app.session.load_chat_model", lambda *_: ScriptedChatModel(script=said))
    return Sessions(folder, profiles={"noise": NormalProfile()}, **settings)


def part(folder: Path, flawed: bool = True, name: str = "part.png") -> Path:
    """A picture's file."""
    file = folder / name
    Image.fromarray(with_square(FLAWED) if flawed else texture(5)).save(file)
    return file


def answered(session: Session, question: str = "Is it normal?", *files: Path) -> Exchange:
    """The last exchange, once all is worked on."""
    begun = session.ask(question, files)
    for exchange in begun:
        assert exchange.exported.wait(60)
    return begun[-1]
