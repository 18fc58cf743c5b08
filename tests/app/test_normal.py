"""What a session calls normal: chosen, kept, made, taken in; and what alpha makes of what is shown."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.normal import NormalProfile, texture
from tests.scripted import ScriptedChatModel
from xad_agent.app import judged, session, shelf
from xad_agent.app.judged import judge, meaning
from xad_agent.app.making import Making
from xad_agent.app.normal import Normal
from xad_agent.app.session import Session, Settings
from xad_agent.app.sessions import Sessions
from xad_agent.app.shelf import SharedShelf, Shelf
from xad_agent.case import Case
from xad_agent.demo import DemoCase
from xad_agent.errors import XadError
from xad_agent.profile import Profile
from xad_agent.progress import Told


class Saved(NormalProfile):
    """A profile of noise that leaves a folder behind."""

    def save(self, directory: str | Path) -> None:
        Path(directory).mkdir(parents=True)
        Path(directory, "profile.json").write_text("{}")


@pytest.fixture
def kept_as_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every folder with a profile.json is a saved profile of noise."""

    def load(folder: Path) -> Profile:
        if not (Path(folder) / "profile.json").is_file():
            raise XadError(f"no profile in {folder}: make one")
        return Saved()

    monkeypatch.setattr(shelf.Profile, "load", load)
    monkeypatch.setattr(shelf, "kind_of", lambda folder: "pictures")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as workers:
        yield workers


def normal(folder: Path, given: tuple[str, ...] = ("noise", "more noise")) -> tuple[Normal, Settings]:
    settings, shared = Settings(), SharedShelf(folder / "shared", {name: NormalProfile() for name in given})
    return Normal(folder / "session", settings, shared), settings


def test_what_was_given_first_is_used_until_another_is_chosen_and_that_outlives_a_restart(tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    own, settings = normal(tmp_path)
    assert own.choices("picture") == ["noise", "more noise"]
    assert own.choices("clip") == []
    assert own.names == {"picture": "noise", "clip": ""}
    own.use("picture", "more noise", 0.1)
    again, settings = normal(tmp_path)
    assert again.names["picture"] == "more noise"
    assert settings.profiles["picture"].calibration.alpha == 0.1
    again.use("picture", "")
    last, settings = normal(tmp_path)
    assert last.names["picture"] == ""
    assert settings.profiles == {}
    assert not last.lost


def test_what_others_keep_in_the_settings_stays_there(tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    (tmp_path / "session" / "settings.json").write_text('{"llm": "embedded"}')
    normal(tmp_path)[0].use("picture", "more noise")
    assert json.loads((tmp_path / "session" / "settings.json").read_text())["llm"] == "embedded"


def test_a_profile_that_is_not_given_any_more_is_named_and_none_is_used(tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    normal(tmp_path)[0].use("picture", "more noise")
    again, settings = normal(tmp_path, ("noise",))
    assert settings.profiles == {}
    assert len(again.lost) == 1
    assert again.lost[0].startswith("more noise: ")
    assert str(tmp_path) not in again.lost[0], "where the server keeps it concerns nobody"


@pytest.mark.parametrize(("kind", "name", "alpha", "says"), [
    ("picture", "no such", None, "no profile 'no such'"),
    ("clip", "noise", None, "no profile 'noise' for clips"),
    ("picture", "noise", 1.5, "alpha 1.5"),
])  # fmt: skip
def test_what_cannot_be_used_changes_nothing(
    kind: str, name: str, alpha: float | None, says: str, tmp_path: Path
) -> None:
    (tmp_path / "session").mkdir()
    own, settings = normal(tmp_path)
    before = dict(settings.profiles)
    with pytest.raises(XadError, match=says):
        own.use(kind, name, alpha)
    assert settings.profiles == before
    assert own.names["picture"] == "noise"


def fit_noise(normal: list[str], alpha: float, progress: Told) -> Profile:
    """Stands for a fit that leaves its last file out."""
    progress(0.5, "learning normal")
    made = Saved()
    made.skipped = {normal[-1]: f"{normal[-1]} is no picture"}
    return made.at(alpha)


@pytest.mark.usefixtures("kept_as_noise")
def test_a_made_profile_is_named_kept_and_in_use_and_says_what_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "session").mkdir()
    own, settings = normal(tmp_path)
    monkeypatch.setattr("xad_agent.app.normal.Profile.fit", fit_noise)
    making = own.make("  my   screws ", ["/server/a.png", "/server/notes.txt"], 0.2)
    told: list[str] = []
    making.follow(lambda share, desc: told.append(desc))
    assert (making.name, making.error) == ("my screws", "")
    assert settings.profiles["picture"].calibration.alpha == 0.2
    assert settings.profiles["picture"].skipped == {"notes.txt": "notes.txt is no picture"}
    assert normal(tmp_path)[0].names["picture"] == "my screws"
    making = own.make("my screws", ["/server/a.png"])
    making.follow(lambda share, desc: None)
    assert making.name == "my screws (2)"


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "a\0b", "x" * 61, "<b>", ""])
def test_a_name_is_a_folder_of_the_sessions_own(name: str, tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    if name:
        with pytest.raises(XadError, match="cannot be used"):
            normal(tmp_path)[0].make(name, ["a.png"])
    else:
        with pytest.raises(XadError, match="nothing to learn from"):
            normal(tmp_path)[0].make(name, [])


@pytest.mark.usefixtures("kept_as_noise")
def test_what_was_taken_in_from_a_zip_is_in_use_and_one_that_cannot_be_read_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zipfile

    (tmp_path / "session").mkdir()
    own, _ = normal(tmp_path)
    with zipfile.ZipFile(tmp_path / "screw.zip", "w") as archive:
        archive.writestr("screw/profile.json", "{}")
    assert own.take_in(tmp_path / "screw.zip") == "picture"
    assert own.names["picture"] == "screw"

    def damaged(folder: Path) -> Profile:
        raise XadError(f"the profile {folder} is damaged")

    monkeypatch.setattr(shelf.Profile, "load", damaged)
    with pytest.raises(XadError, match="the profile screw \\(2\\) is damaged"):
        own.take_in(tmp_path / "screw.zip")
    assert sorted(own.choices("picture")) == ["more noise", "noise", "screw"]
    assert own.names["picture"] == "screw"


def test_a_making_that_is_stopped_is_over_at_once_and_keeps_nothing(pool: ThreadPoolExecutor) -> None:
    begun, go_on, kept = threading.Event(), threading.Event(), []

    def fit(tell: Told) -> Profile:
        begun.set()
        go_on.wait(5)
        return NormalProfile()

    making = Making(fit, lambda profile: kept.append(profile) or "x", pool)
    begun.wait(5)
    making.stop()
    assert making.over
    assert "stopped" in making.error
    go_on.set()
    pool.submit(lambda: None).result(5)
    assert not kept
    assert making.profile is None


@pytest.mark.parametrize(("error", "says"), [
    (XadError("no picture could be used"), "no picture could be used"),
    (ValueError("odd"), "unexpected ValueError (odd): please report it"),
])  # fmt: skip
def test_a_making_that_fails_says_why(error: Exception, says: str, pool: ThreadPoolExecutor) -> None:
    def fit(tell: Told) -> Profile:
        raise error

    making = Making(fit, lambda profile: "x", pool)
    making.follow(lambda share, desc: None)
    assert making.error == says


def test_what_is_left_is_told_from_what_was_done(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    told, looked = threading.Event(), threading.Event()
    clock = iter([100.0, 100.0, 110.0, 112.0])  # begun; again; a quarter done; looked at
    monkeypatch.setattr("xad_agent.app.making.time.monotonic", lambda: next(clock))

    def fit(tell: Told) -> Profile:
        tell(0.0, "reading")
        tell(0.25, "learning normal")
        told.set()
        looked.wait(5)
        return NormalProfile()

    making = Making(fit, lambda profile: "x", pool)
    told.wait(5)
    assert making.left == pytest.approx(28.0), "30 s when it was told, 2 s ago"
    looked.set()


@pytest.mark.usefixtures("kept_as_noise")
def test_a_demo_profile_is_made_once_for_everybody(tmp_path: Path) -> None:
    fits: list[str] = []

    class Case(DemoCase):
        def fit(self, progress: Any = True) -> Profile:
            fits.append(self.name)
            return Saved()

    case = Case("cloth", "picture", "a cloth", "Where?", "cloth.png", list, lambda file: None)
    sessions = Sessions(tmp_path)
    one, two = sessions.new(), sessions.new()
    making = one.normal.shared.demo(case)
    assert making is not None
    assert two.normal.shared.demo(case) in (making, None)
    making.follow(lambda share, desc: None)
    assert fits == ["cloth"]
    assert two.normal.shared.demo(case) is None
    assert two.normal.choices("picture") == ["demo cloth"]
    assert Shelf(tmp_path / "shared").names() == {"demo cloth": "picture"}, "a later run need not make it again"
    sessions.close()


@pytest.mark.parametrize(("alpha", "says"), [
    (0.01, "1 in 100 normal pictures would be called anomalous. With 48 normal pictures the limit cannot be set for "
           "less than 1 in 49, so that is what it is set for."),
    (0.05, "1 in 20 normal pictures would be called anomalous. With 48 normal pictures the limit cannot be set for "
           "less than 1 in 49."),
    (0.03, "3 in 100 normal"),
    (0.015, "15 in 1,000 normal"),
    (0.2, "1 in 5 normal"),
])  # fmt: skip
def test_alpha_is_told_in_words(alpha: float, says: str) -> None:
    assert meaning(NormalProfile().at(alpha)).startswith(says)


def test_alpha_moves_the_verdict_without_measuring_the_picture_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined: list[str] = []

    class Watched(NormalProfile):
        def examine(self, asked: Any) -> Any:
            examined.append(asked.name)
            return super().examine(asked)

    monkeypatch.setattr(session, "load_chat_model", lambda spec, key: ScriptedChatModel(script=[]))
    shared = SharedShelf(tmp_path / "shared", {"noise": Watched()})
    with ThreadPoolExecutor(1) as pool:
        one = Session("key", tmp_path / "one", pool, pool, Settings(), shared)
        assert "Nothing is shown" in judge(one, "picture").said
        file = tmp_path / "part.png"
        Image.fromarray(texture(50)).save(file)
        one.show(file)
        assert judge(one, "clip") == judged.Judged("What is shown in the chat is no clip.")
        seen = []
        examined.clear()
        for alpha in (0.021, 0.9):
            one.normal.use("picture", "noise", alpha)
            found = judge(one, "picture")
            case = one.case()
            assert found.evidence is not None
            assert isinstance(case, Case) and case.refutation is not None
            assert found.evidence.quantity("threshold").value == Watched().at(alpha).calibration.threshold()
            assert found.evidence.verdict == case.refutation.verdict
            seen.append(found)
        assert examined == ["part.png"]
        assert seen[0].score == seen[1].score
        assert seen[0].said != seen[1].said
        one.close()


def test_what_is_given_as_folders_is_named_at_once_and_read_once_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_as_noise: None
) -> None:
    from xad_agent.app.launch import _by_name

    folders = [tmp_path / "a" / "screw.profile", tmp_path / "b" / "screw.profile", tmp_path / "tile"]
    for folder in folders[:2]:
        Saved().save(folder)
    given = _by_name(folders)
    assert list(given) == ["screw", "screw (2)", "tile"]
    kept = Shelf(tmp_path / "kept", given)
    assert list(kept.names()) == list(given)
    assert kept.find("screw") is kept.find("screw")
    kept.read_given()
    with pytest.raises(XadError, match="no profile in tile"):
        kept.find("tile")


def test_what_is_given_and_is_no_profile_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(XadError, match=str(tmp_path)):
        Shelf(tmp_path / "kept", {"none": tmp_path})
