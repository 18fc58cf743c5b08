"""The agent's tools, one short file each: plain functions of a `Case` that measure and return evidence."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from xad_agent.evidence import Evidence
from xad_agent.prompts import vocabulary
from xad_agent.tools.cannot_tell import cannot_tell
from xad_agent.tools.compare import compare
from xad_agent.tools.locate import locate
from xad_agent.tools.measure import measure
from xad_agent.tools.previous import previous
from xad_agent.tools.repair import repair
from xad_agent.tools.score import score

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from xad_agent.case import Case

__all__ = ["TOOLS", "load_tools"]

TOOLS: dict[str, Callable[..., Evidence]] = {
    tool.__name__: tool for tool in (score, locate, measure, compare, repair, previous, cannot_tell)
}

_WORDS = vocabulary("tools")["arguments"]


class _Nothing(BaseModel):
    """No arguments."""


class _OneRegion(BaseModel):
    """One region."""

    region: int = Field(default=1, ge=1, le=99, description=_WORDS["region"])


class _AnyRegion(BaseModel):
    """One region or all."""

    region: int | None = Field(default=None, ge=1, le=99, description=_WORDS["region_or_all"])


class _Topic(BaseModel):
    """What cannot be told."""

    topic: str = Field(default="off_topic", description=_WORDS["topic"])


_ARGUMENTS: dict[str, type[BaseModel]] = {
    "measure": _OneRegion,
    "compare": _OneRegion,
    "repair": _AnyRegion,
    "cannot_tell": _Topic,
}


def load_tools(case: "Case") -> list["BaseTool"]:
    """The tools as LangChain tools that look at one picture.

    Each returns `"E1: <statement>"` as its content and the `Evidence` as its artifact.
    """
    from langchain_core.tools import StructuredTool

    return [
        StructuredTool.from_function(
            func=_bound(function, case),
            name=name,
            description=vocabulary("tools")["tools"][name],
            args_schema=_ARGUMENTS.get(name, _Nothing),
            response_format="content_and_artifact",
        )
        for name, function in TOOLS.items()
    ]


def _bound(function: Callable[..., Evidence], case: "Case") -> Callable[..., tuple[str, Evidence]]:
    def call(**arguments: object) -> tuple[str, Evidence]:
        evidence = function(case, **arguments)
        return f"{evidence.id}: {evidence.statement}", evidence

    return call
