"""What tests share: where the real data is, and what happens without it."""

import gc
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from xad_agent import weights

# A busy machine is no defect: speed is `xad bench`'s. The same examples each time, so that red means a change.
settings.register_profile("xad", deadline=None, derandomize=True)
settings.load_profile("xad")

gc.disable()  # while modules are imported: their millions of objects stay

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip real-data tests, loudly, where the data or the weights are missing."""
    missing = [str(DATA)] if not DATA.is_dir() else []
    missing += [f"the model {row.name}" for row in weights.listing() if row.role != "demo" and row.status != "present"]
    for item in items:
        if missing and item.get_closest_marker("data"):
            item.add_marker(
                pytest.mark.skip(reason=f"NOT RUN: needs {', '.join(missing)} (`xad models pull embedded`)")
            )


def pytest_collection_finish() -> None:
    """What was imported is not gone through again with each collection of garbage: a tenth of the suite's time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data."""
    return DATA


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, _homes: Iterator[Path]) -> None:
    """What the developer chose with `xad models use`, and what is cached, must not change a test."""
    home = next(_homes)  # made by those that need it alone: thousands of tests do not
    monkeypatch.setattr("xad_agent.perception.models._config", lambda: home / "models.yaml")
    monkeypatch.setattr("xad_agent.cache.home", lambda: home)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`xad` with arguments, in this process: its exit code, what it printed, and what it said of errors."""
    from xad_agent import cli

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["xad", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err

    return call
