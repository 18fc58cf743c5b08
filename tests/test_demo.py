from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.normal import texture
from xad_agent import demo, weights
from xad_agent.errors import XadError
from xad_agent.media import is_clip, read_clip, read_picture


class Fitted:
    """Stands for a profile that was just fitted."""

    name = ""

    def save(self, folder: Path) -> None:
        (folder / "saved").write_text("")


@pytest.fixture
def cloths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three pictures in the place of the package's."""
    folder = tmp_path / "cloths"
    (folder / "nominal").mkdir(parents=True)
    for number in range(3):
        Image.fromarray(texture(number, 250, 250)).save(folder / "nominal" / f"{number}.png")
    monkeypatch.setattr(weights, "path", lambda name: folder)
    return sorted((folder / "nominal").iterdir())


def test_a_profile_that_cannot_be_read_is_fitted_again_and_this_is_said(
    tmp_path: Path, cloths: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    learned: list[Any] = []
    monkeypatch.setattr(demo.Profile, "fit", lambda normal, progress: learned.append(normal) or Fitted())
    folder = tmp_path / "textile.profile"
    folder.mkdir()
    (folder / "profile.json").write_text('{"version": 1}')
    assert isinstance(demo._profile(demo.CLOTH, tmp_path), Fitted)
    assert learned == [cloths]
    assert (folder / "saved").exists()
    assert "has version 1" in capsys.readouterr().out


@pytest.mark.usefixtures("cloths")
def test_each_case_shows_what_its_question_is_about(tmp_path: Path) -> None:
    flawed = read_picture(demo.CLOTH.show(tmp_path / "shown"))
    x0, y0, x1, y1 = demo.FLAW
    whole = read_picture(demo.CLOTH.normal()[-2])
    assert (flawed.pixels != whole.pixels)[y0:y1, x0:x1].any()
    changed = (flawed.pixels != whole.pixels).any(axis=2).nonzero()
    assert y0 <= changed[0].min() and changed[0].max() < y1 and x0 <= changed[1].min() and changed[1].max() < x1
    clip = demo.WALKWAY.show(tmp_path / "shown")
    assert is_clip(clip) and read_clip(clip).count == 60
    assert [case.kind for case in demo.CASES] == ["picture", "clip"]
    assert len({case.profile_name for case in demo.CASES}) == 2


def test_cloth_that_is_not_there_is_one_line_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAD_HOME", str(tmp_path))
    with pytest.raises(XadError, match="run `xad models pull textile-demo`"):
        demo.CLOTH.fit(progress=False)
