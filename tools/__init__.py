"""The agent's tools, one short file each: functions of a `Case` or `ClipCase` that measure and return evidence."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema, create_model

from xad_agent.errors import ToolError, XadError
from xad_agent.evidence import Evidence
from xad_agent.media.colours import MAX_PIXELS
from xad_agent.prompts import vocabulary
from xad_agent.tools import clips
from xad_agent.tools.cannot_tell import cannot_tell
from xad_agent.tools.compare import compare
from xad_agent.tools.find import find
from xad_agent.tools.known import known
from xad_agent.tools.locate import locate
from xad_agent.tools.look import look
from xad_agent.tools.measure import measure
from xad_agent.tools.missing import missing
from xad_agent.tools.name import name
from xad_agent.tools.normal import normal
from xad_agent.tools.place import place
from xad_agent.tools.previous import previous
from xad_agent.tools.refute import refute
from xad_agent.tools.repair import repair
from xad_agent.tools.rules import rules
from xad_agent.tools.score import score
from xad_agent.tools.segment import segment
from xad_agent.tools.sought import MAX_PHRASES
from xad_agent.tools.zero_shot import zero_shot

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from xad_agent.case import Case
    from xad_agent.clip_case import ClipCase

__all__ = ["TOOLS", "arguments_of", "load_tools", "tools_for"]

TOOLS: dict[str, Callable[..., Evidence]] = {
    tool.__name__: tool
    for tool in (
        *(score, refute, locate, place, measure, compare, normal, repair, previous, cannot_tell),
        *(zero_shot, find, segment, name, look, missing, known, rules),
    )
}

_CLIP_TOOLS: dict[str, Callable[..., Evidence]] = {
    **clips.TOOLS,
    **{tool.__name__: tool for tool in (previous, cannot_tell, known, rules)},
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


class _Point(BaseModel):
    """A place."""

    x: int = Field(ge=0, le=MAX_PIXELS, description=_WORDS["x"])
    y: int = Field(ge=0, le=MAX_PIXELS, description=_WORDS["y"])


class _Thing(BaseModel):
    """A thing by its name."""

    what: str = Field(description=_WORDS["what"])


class _Phrases(BaseModel):
    """Things by any names."""

    phrases: list[str] = Field(min_length=1, max_length=MAX_PHRASES, description=_WORDS["phrases"])


class _Look(BaseModel):
    """One region, and what it may be."""

    region: int = Field(default=1, ge=1, le=99, description=_WORDS["region"])
    what: str = Field(default="", max_length=60, description=_WORDS["suspicion"])


class _About(BaseModel):
    """What is to be known."""

    about: str = Field(default="", max_length=400, description=_WORDS["about"])


class _Topic(BaseModel):
    """What cannot be told."""

    topic: str = Field(default="off_topic", description=_WORDS["topic"])


_ARGUMENTS: dict[str, type[BaseModel]] = {
    "place": _Point,
    "measure": _OneRegion,
    "compare": _OneRegion,
    "repair": _AnyRegion,
    "cannot_tell": _Topic,
    "find": _Phrases,
    "segment": _OneRegion,
    "name": _OneRegion,
    "look": _Look,
    "known": _About,
}
_CLIP_ARGUMENTS: dict[str, type[BaseModel]] = {
    "moment": _Moment,
    "look_for": _Thing,
    "find": _Phrases,
    "measure": _OneEvent,
    "name": _AnyEvent,
    "heat": _OneEvent,
    "relate": _OneEvent,
    "nearby": _OneEvent,
    "track": _OneEvent,
    "compare": _OneEvent,
    "repair": _AnyEvent,
    "cannot_tell": _Topic,
    "known": _About,
}


def tools_for(case: "Case | ClipCase") -> dict[str, Callable[..., Evidence]]:
    """The tools that look at this kind of media, by name; those that need a model only where it is at hand."""
    from xad_agent.case import Case

    models = case.models
    if isinstance(case, Case):
        absent = {
            "refute": case.profile is None,
            "zero_shot": not models.sees_zero_shot,
            "find": not models.can_find,
            "name": "clip" in models.missing,
            "look": "vlm" in models.missing,
            "missing": not models.missing,
            **_unsaid(case),
        }
        return {name: tool for name, tool in TOOLS.items() if not absent.get(name)}
    absent = {
        "heat": case.profile is None or case.profile.vqunet is None,
        "find": not models.has_own_finder,
        **_unsaid(case),
    }
    return {name: tool for name, tool in _CLIP_TOOLS.items() if not absent.get(name)}


def _unsaid(case: "Case | ClipCase") -> dict[str, bool]:
    """The tools that nothing was said for: no rule, or no knowledge file."""
    kept = {entry.tool for entry in case.ledger}
    return {"rules": "rule" not in kept, "known": "knowledge" not in kept}


def arguments_of() -> dict[str, dict[str, Any]]:
    """Of every tool, whatever media it looks at, the types of its arguments by name; each may be left out (None)."""
    tools: dict[str, dict[str, Any]] = {}
    for names, schemas in ((TOOLS, _ARGUMENTS), (_CLIP_TOOLS, _CLIP_ARGUMENTS)):
        for tool in names:
            fields = schemas.get(tool, _Nothing).model_fields
            types = {
                key: Annotated[(field.annotation | None, *field.metadata, Field(description=field.description))]  # type: ignore[operator]
                for key, field in fields.items()
            }
            tools.setdefault(tool, {}).update(types)
    return tools


def load_tools(case: "Case | ClipCase") -> list["BaseTool"]:
    """The tools as LangChain tools that look at one picture or clip.

    Each returns `"E1: <statement>"` as its content and the `Evidence` as its artifact.
    """
    from langchain_core.tools import StructuredTool

    words, arguments = _schemas(case)
    return [
        StructuredTool.from_function(
            func=_bound(function, case),
            name=name,
            description=words[name],
            args_schema=arguments.get(name, _Nothing),
            response_format="content_and_artifact",
        )
        for name, function in tools_for(case).items()
    ]


def _schemas(case: "Case | ClipCase") -> tuple[dict[str, str], dict[str, type[BaseModel]]]:
    """What each tool is for, in words, and its arguments; of a finder with a vocabulary, the words it knows."""
    from xad_agent.case import Case

    words, arguments = ("tools", _ARGUMENTS) if isinstance(case, Case) else ("clip_tools", _CLIP_ARGUMENTS)
    known = case.models.finder.vocabulary if "find" in tools_for(case) else None
    return vocabulary("tools")[words], {**arguments, **({"find": _phrases_of(known)} if known else {})}


@cache
def _phrases_of(known: frozenset[str]) -> type[BaseModel]:
    """The arguments of `find` where only these words are known."""
    word: Any = Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(known)})]
    field = Field(min_length=1, max_length=MAX_PHRASES, description=_WORDS["phrases"])
    return create_model("KnownPhrases", phrases=(list[word], field))


def _bound(function: Callable[..., Evidence], case: "Case | ClipCase") -> Callable[..., tuple[str, Evidence]]:
    def call(**arguments: object) -> tuple[str, Evidence]:
        try:
            evidence = function(case, **arguments)
        except XadError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise ToolError(f"the tool {function.__name__} failed ({type(error).__name__}: {reason})") from error
        return f"{evidence.id}: {evidence.statement}", evidence

    return call
