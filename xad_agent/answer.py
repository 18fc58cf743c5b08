"""What the user gets: claims that cite evidence, and the answer they make up."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr

from xad_agent.errors import XadError
from xad_agent.evidence import Event, Evidence, Region

if TYPE_CHECKING:
    from PIL.Image import Image

    from xad_agent.case import Case
    from xad_agent.clip_case import ClipCase

Verdict = Literal["anomalous", "normal", "uncertain"]
ClaimKind = Literal["verdict", "where", "what", "why", "when", "compare", "cannot-tell"]


class Claim(BaseModel):
    """One sentence, or a few that belong together, with the ids of the evidence they rest on."""

    model_config = ConfigDict(frozen=True)

    text: str
    kind: ClaimKind
    evidence: tuple[str, ...]


class Dropped(BaseModel):
    """A claim that the checker refused, and why; the user can look at it, the answer does not contain it."""

    model_config = ConfigDict(frozen=True)

    text: str
    evidence: tuple[str, ...]
    reasons: tuple[str, ...]


class Answer(BaseModel):
    """The checked answer to one question.

    Attributes:
        verdict: Of the whole picture: "uncertain" when nothing normal is known to compare with.
        text: The claims as prose, each followed by its evidence ids in brackets.
        score, threshold, p_value: Of the picture; None where there is no calibration.
        source: "model" when a chat model drafted it, "template" when it was rendered from evidence statements alone.
        note: Why the source is "template", or what fell back; empty when nothing did.
        evidence: What the claims cite, and what else was measured for this question.
        llm: The spec of the chat model.
        models: What else was used, by role ("backbone": "efficientnet-lite0").
        prompts: The versions of the prompts and vocabularies that were used, by name.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    verdict: Verdict
    text: str
    score: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    claims: tuple[Claim, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    regions: tuple[Region, ...] = ()
    events: tuple[Event, ...] = ()
    label_scores: dict[str, float] = {}
    evidence: tuple[Evidence, ...] = ()
    source: Literal["model", "template"] = "model"
    note: str = ""
    llm: str = "embedded"
    models: dict[str, str] = {}
    prompts: dict[str, int] = {}
    seconds: float = 0.0
    _case: "Case | ClipCase | None" = PrivateAttr(default=None)

    def of(self, case: "Case | ClipCase") -> "Answer":
        """Remember what was asked about, so that the answer can be drawn."""
        self._case = case
        return self

    def figure(self) -> "Image":
        """The answer at a glance, a PIL image: overlay with numbered regions beside the nearest normal picture.

        Raises:
            XadError: The answer was read from JSON, so its picture is not at hand.
        """
        from xad_agent.clip_case import ClipCase
        from xad_agent.media.figure import answer_figure
        from xad_agent.media.filmstrip import clip_figure

        case = self._asked()
        return clip_figure(self, case) if isinstance(case, ClipCase) else answer_figure(self, case)

    def to_html(self, path: str | Path) -> None:
        """Write one self-contained HTML file: question, answer, claims with their evidence, pictures, calibration."""
        from xad_agent.report import write_report

        write_report(self, self._asked(), Path(path))

    def to_video(self, path: str | Path) -> None:
        """Write the clip asked about with its events drawn in; the suffix of `path` is that of `write_clip`.

        Raises:
            XadError: It was a picture, or the answer was read from JSON, or the suffix is not known.
        """
        from xad_agent.clip_case import ClipCase
        from xad_agent.media.clip_writing import write_clip
        from xad_agent.media.filmstrip import annotated

        case = self._asked()
        if not isinstance(case, ClipCase):
            raise XadError("a picture has no video: ask for a figure instead", exit_code=2)
        write_clip(Path(path), annotated(case), case.clip.fps)

    def _asked(self) -> "Case | ClipCase":
        if self._case is None:
            raise XadError("this answer was read from JSON, without its picture: ask again to draw it")
        return self._case

    def to_json(self) -> dict[str, Any]:
        """The stable JSON object that `xad ask --json` prints; see design section 5 for its keys."""
        return self.model_dump(mode="json")


def prose(claims: tuple[Claim, ...] | list[Claim]) -> str:
    """The claims as one text, each followed by the ids it cites: "It scores 7.9 [E1]."."""
    return " ".join(_cite(claim) for claim in claims)


def _cite(claim: Claim) -> str:
    text = claim.text.strip()
    end = text[-1] if text[-1:] in {".", "!", "?"} else "."
    return f"{text.rstrip('.!?')} [{', '.join(claim.evidence)}]{end}"
