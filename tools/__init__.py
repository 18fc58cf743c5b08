"""The agent's tools, one short file each: functions of a `Case` or `ClipCase` that measure and return evidence."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from xad_agent.evidence import Evidence
from xad_agent.prompts import vocabulary
from xad_agent.tools import clips
from xad_agent.tools.cannot_tell import cannot_tell
from xad_agent.tools.compare import compare
from xad_agent.tools.locate import locate
from xad_agent.tools.measure import measure
from xad_agent.tools.normal import normal
from xad_agent.tools.previous import previous
from xad_agent.tools.repair import repair
from xad_agent.tools.score import score

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from xad_agent.case import Case
    from xad_agent.clip_case import ClipCase

__all__ = ["TOOLS", "load_tools", "tools_for"]

TOOLS: dict[str, Callable[..., Evidence]] = {
    tool.__name__: tool for tool in (score, locate, measure, compare, normal, repair, previous, cannot_tell)
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


class _OneEvent(BaseModel):
    """One event."""

    event: int = Field(default=1, ge=1, le=99, description=_WORDS["event"])


class _AnyEvent(BaseModel):
    """One event or all."""

    event: int | None = Field(default=None, ge=1, le=99, description=_WORDS["event_or_all"])


class _Moment(BaseModel):
    """A time."""

    at: float = Field(ge=0, le=1e6, allow_inf_nan=False, description=_WORDS["at"])


class _Thing(BaseModel):
    """A thing by its name."""

    what: str = Field(description=_WORDS["what"])


class _Topic(BaseModel):
    """What cannot be told."""

    topic: str = Field(default="off_topic", description=_WORDS["topic"])


_ARGUMENTS: dict[str, type[BaseModel]] = {
    "measure": _OneRegion,
    "compare": _OneRegion,
    "repair": _AnyRegion,
    "cannot_tell": _Topic,
}
_CLIP_ARGUMENTS: dict[str, type[BaseModel]] = {
    "moment": _Moment,
    "look_for": _Thing,
    "measure": _OneEvent,
    "name": _AnyEvent,
    "heat": _OneEvent,
    "relate": _OneEvent,
    "nearby": _OneEvent,
    "track": _OneEvent,
    "compare": _OneEvent,
    "repair": _AnyEvent,
    "cannot_tell": _Topic,
}


def tools_for(case: "Case | ClipCase") -> dict[str, Callable[..., Evidence]]:
    """The tools that look at this kind of media, by name; `heat` only where the profile has VQU-Net."""
    from xad_agent.case import Case

    if isinstance(case, Case):
        return TOOLS
    offered = {**clips.TOOLS, "previous": previous, "cannot_tell": cannot_tell}
    if case.profile is None or case.profile.vqunet is None:
        del offered["heat"]
    return offered


def load_tools(case: "Case | ClipCase") -> list["BaseTool"]:
    """The tools as LangChain tools that look at one picture or clip.

    Each returns `"E1: <statement>"` as its content and the `Evidence` as its artifact.
    """
    from langchain_core.tools import StructuredTool

    tools = tools_for(case)
    words, arguments = ("tools", _ARGUMENTS) if tools is TOOLS else ("clip_tools", _CLIP_ARGUMENTS)
    return [
        StructuredTool.from_function(
            func=_bound(function, case),
            name=name,
            description=vocabulary("tools")[words][name],
            args_schema=arguments.get(name, _Nothing),
            response_format="content_and_artifact",
        )
        for name, function in tools.items()
    ]


def _bound(function: Callable[..., Evidence], case: "Case | ClipCase") -> Callable[..., tuple[str, Evidence]]:
    def call(**arguments: object) -> tuple[str, Evidence]:
        evidence = function(case, **arguments)
        return f"{evidence.id}: {evidence.statement}", evidence

    return call
