"""`xad doctor` on machines that lack things."""

import builtins
from importlib import metadata

import pytest

from xad_agent import doctor, weights

REQUIREMENTS = [
    "numpy>=1.26",
    "numpy>=99",
    "not-there-at-all>=1",
    'not-there-either>=2; extra == "clip"',
    'ruff>=0.8; extra == "dev"',
    'xad-agent[eval]; extra == "app"',
]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setenv("XAD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: REQUIREMENTS)
    return monkeypatch


def by_name() -> dict[str, doctor.Check]:
    return {check.name: check for check in doctor.checks()}


def test_every_check_has_a_detail_and_every_failed_one_advice(machine):
    for check in doctor.checks():
        assert check.detail, check
        assert check.ok or check.advice, check


def test_packages_required_and_optional(machine):
    rows = [check for check in doctor.checks() if check.name.startswith("package ")]
    assert [(r.name.removeprefix("package "), r.ok) for r in rows] == [
        ("numpy", True),
        ("numpy", False),
        ("not-there-at-all", False),
        ("not-there-either", True),
    ]
    assert rows[0].detail == metadata.version("numpy")
    assert rows[1].detail.endswith("but >=99 is needed")
    assert rows[2].advice == "run `pip install -U 'not-there-at-all>=1'`"
    assert rows[3].detail == "not installed (optional, for clip)"


def test_not_installed_itself(machine):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    machine.setattr(doctor.metadata, "requires", missing)
    assert not by_name()["packages"].ok


def test_missing_models_say_how_to_get_them(machine):
    found = by_name()
    assert not found["model smollm2-135m"].ok
    assert found["model smollm2-135m"].advice == "run `xad models pull smollm2-135m`"
    assert found["model hed"].ok, "one tool less, but the main job works"


def test_home_that_cannot_be_written(machine, tmp_path):
    assert by_name()["storage"].ok
    assert not weights.home().exists(), "looking must not create it"
    (tmp_path / "file").write_text("")
    machine.setenv("XAD_HOME", str(tmp_path / "file" / "below"))
    assert not by_name()["storage"].ok


def test_without_npm_and_torch(machine):
    machine.setattr(doctor.shutil, "which", lambda name: None)
    usual = builtins.__import__

    def poor(name, *rest, **options):
        if name == "torch":
            raise ImportError(f"No module named {name!r}")
        return usual(name, *rest, **options)

    machine.setattr(builtins, "__import__", poor)
    found = by_name()
    assert found["npm"].advice == "install Node.js"
    assert not found["gpu"].ok
