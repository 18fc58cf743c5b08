from pathlib import Path

import pytest

from xad_agent import demo


class Fitted:
    """Stands for a profile that was just fitted."""

    def save(self, folder: Path) -> None:
        (folder / "saved").write_text("")


def test_a_profile_that_cannot_be_read_is_fitted_again_and_this_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo.Profile, "fit", lambda normal: Fitted())
    folder = tmp_path / "textile.profile"
    folder.mkdir()
    (folder / "profile.json").write_text('{"version": 1}')
    assert isinstance(demo._profile(folder, []), Fitted)
    assert (folder / "saved").exists()
    assert "has version 1" in capsys.readouterr().out
