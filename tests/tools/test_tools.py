import numpy as np
import pytest

from tests import normal
from tests.normal import NormalProfile, examine, picture, texture, with_square
from tests.seeing import ScriptedZeroShot, SeeingModels
from xad_agent.answer import Claim
from xad_agent.case import Case
from xad_agent.check import check
from xad_agent.draft import KINDS
from xad_agent.evidence import Evidence, Ledger
from xad_agent.tools import TOOLS, load_tools

SQUARE = (40, 20, 52, 32)
NEEDED = {"find": {"phrases": ["square", "plate", "dog"]}, "place": {"x": 45, "y": 25}}


@pytest.fixture(autouse=True)
def _scripted_zero_shot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.detectors.zero_shot.zero_shot_detector", lambda *_: ScriptedZeroShot())


def case_of(pixels: np.ndarray, profile: NormalProfile | None = None) -> Case:
    """A case with every model there is."""
    return normal.case_of(pixels, profile, SeeingModels())


def _unknown(pixels: np.ndarray) -> Case:
    """A case without a profile; its map is made here, so that no network is needed."""
    case = Case(picture(pixels), None, Ledger(), SeeingModels())
    case.__dict__["anomaly_map"] = examine(case.picture)
    return case


CASES = {
    "bright": lambda: case_of(with_square(SQUARE)),
    "dark, at the rim": lambda: case_of(with_square((0, 40, 10, 60), value=30)),
    "coloured": lambda: case_of(with_square(SQUARE, value=(220, 80, 80))),
    "two places": lambda: case_of(
        np.where(with_square((70, 70, 80, 80)) == 220, 220, with_square(SQUARE)).astype(np.uint8)
    ),
    "good": lambda: case_of(texture(3)),
    "one pixel": lambda: case_of(np.full((1, 1, 3), 250, np.uint8)),
    "tiny": lambda: case_of(np.full((5, 7, 3), 250, np.uint8)),
    "a line": lambda: case_of(np.full((2, 300, 3), 250, np.uint8)),
    "no profile": lambda: _unknown(with_square(SQUARE)),
    "no profile, even": lambda: _unknown(np.full((40, 40, 3), 128, np.uint8)),
    "one normal picture": lambda: case_of(with_square(SQUARE), NormalProfile([texture(0)])),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("tool", TOOLS)
def test_every_statement_reads_well_and_passes_the_checker(name: str, tool: str) -> None:
    case = CASES[name]()
    evidence = TOOLS[tool](case, **NEEDED.get(tool, {}))
    assert evidence.tool == tool
    assert evidence.media == case.picture.sha256
    assert evidence.statement.lstrip('"')[0].isupper()
    assert evidence.statement.endswith(".")
    assert "  " not in evidence.statement
    claim = Claim(text=evidence.statement, kind=KINDS[tool], evidence=(evidence.id,))
    assert check(claim, case.ledger) == ()
    assert evidence.figure is None or (evidence.figure.dtype == np.uint8 and evidence.figure.shape[2] == 3)


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_measured_twice(tool: str) -> None:
    case = case_of(with_square(SQUARE))
    assert TOOLS[tool](case, **NEEDED.get(tool, {})) is TOOLS[tool](case, **NEEDED.get(tool, {}))
    assert len({entry.tool for entry in case.ledger}) == len(case.ledger)


def test_langchain_tools_give_the_statement_and_the_evidence() -> None:
    case = case_of(with_square(SQUARE))
    tools = {tool.name: tool for tool in load_tools(case)}
    assert set(tools) == set(TOOLS) - {"missing", "rules", "known"}
    message = tools["measure"].invoke({"type": "tool_call", "id": "1", "name": "measure", "args": {"region": 1}})
    assert isinstance(message.artifact, Evidence)
    assert message.content == f"{message.artifact.id}: {message.artifact.statement}"
    assert tools["score"].invoke({}).startswith("E2: Anomalous")
    with pytest.raises(ValueError):
        tools["measure"].invoke({"region": 0})


def test_a_region_that_is_not_there_is_a_limit() -> None:
    case = case_of(with_square(SQUARE))
    for tool in ("measure", "compare", "repair", "segment", "name", "look"):
        evidence = TOOLS[tool](case, region=3)
        assert evidence.kind == "limit"
        assert evidence.statement == "There is no region 3: one place stands out."
