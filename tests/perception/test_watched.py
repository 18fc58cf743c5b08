"""A clip is watched once: what was seen is kept, and read again where clip and eyes are the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.crowd import Drawn, Walker, film, sightings, walk, walkway
from xad_agent.errors import XadError
from xad_agent.media import Clip
from xad_agent.perception import watched as module
from xad_agent.perception.background import Background
from xad_agent.perception.eyes import Eyes
from xad_agent.perception.sightings import FOUND, ROWS, Sightings
from xad_agent.perception.watched import Watched


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clips that were watched, by name; seeing is told."""
    names: list[str] = []

    def told(clip: Clip, eyes: Eyes, progress: bool) -> Sightings:
        names.append(clip.name)
        return replace(walk(3, frames=20), notes=("a note",))

    monkeypatch.setattr(module, "watch", told)
    return names


def eyes() -> Eyes:
    return Eyes(Drawn(), walkway().eyes.perspective, Background(np.zeros((9, 9))), None)


def test_what_was_seen_is_read_again(seen: list[str], tmp_path: Path) -> None:
    clip = film(sightings([Walker(70, 20)], frames=12))
    first = Watched(eyes(), tmp_path / "kept").watch(clip, False)
    second = Watched(eyes(), tmp_path / "kept").watch(clip, False)
    assert seen == [clip.name]
    for name in (*ROWS, *FOUND):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert getattr(first, name).dtype == getattr(second, name).dtype
    assert (first.name, first.shape, first.notes, first.fps) == (second.name, second.shape, second.notes, second.fps)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, tile=60),
        lambda e: replace(e, background=Background(np.ones((9, 9)))),
        lambda e: replace(e, perspective=e.perspective.resized((240, 320))),
    ],
)
def test_other_eyes_look_anew(seen: list[str], tmp_path: Path, change: Callable[[Eyes], Eyes]) -> None:
    clip = film(sightings([Walker(70, 20)], frames=12))
    Watched(eyes(), tmp_path).watch(clip, False)
    Watched(change(eyes()), tmp_path).watch(clip, False)
    assert len(seen) == 2


def test_another_clip_and_a_damaged_file_are_watched(seen: list[str], tmp_path: Path) -> None:
    clip, other = film(sightings([Walker(70, 20)], frames=12)), film(sightings([Walker(70, 30)], frames=12))
    watching = Watched(eyes(), tmp_path)
    watching.watch(clip, False)
    watching.watch(other, False)
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-50])
    watching.watch(clip, False)
    assert len(seen) == 3


def test_without_a_folder_nothing_is_kept_and_a_full_one_is_named(seen: list[str], tmp_path: Path) -> None:
    clip = film(sightings([Walker(70, 20)], frames=12))
    Watched(eyes(), None).watch(clip, False)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(XadError, match="cannot keep what was seen") as caught:
        Watched(eyes(), tmp_path / "file").watch(clip, False)
    assert "\n" not in str(caught.value)
