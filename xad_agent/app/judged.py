"""What alpha means, in words, and what it makes of what is shown in the chat."""

from typing import NamedTuple

from xad_agent.app.session import Session
from xad_agent.clip_profile import STRETCH_SECONDS
from xad_agent.evidence import Evidence
from xad_agent.profile import Profile
from xad_agent.tools import tools_for
from xad_agent.wording import numbers

_PARTS = (100, 1000)


class Judged(NamedTuple):
    """What is shown, as it is judged now.

    Attributes:
        said: Its score beside the limit; or why there is none.
        evidence: Of the tool `score`; None where there is none.
        reason: What decides where the score alone does not; "" where it does.
    """

    said: str
    evidence: Evidence | None = None
    reason: str = ""

    @property
    def score(self) -> float | None:
        """The score; None where there is none."""
        return self.evidence.quantity("score").value if self.evidence else None


def judge(session: Session, kind: str) -> Judged:
    """What is shown, measured anew as far as it depends on the profile in use for its kind of media.

    Raises:
        XadError: It cannot be read, or judged.
    """
    if session.shown is None:
        return Judged("Nothing is shown in the chat yet; its verdict at this alpha will stand here.")
    if session.kind != kind:
        return Judged(f"What is shown in the chat is no {kind}.")
    if session.busy:
        return Judged("The question in the chat is answered first; then the verdict at this alpha stands here.")
    case = session.case()
    assert case is not None
    tools = tools_for(case)
    evidence = tools["score"](case)
    score, limit = evidence.quantity("score").value, evidence.quantity("threshold").value
    printed, most = numbers(score, limit)
    decides = evidence.verdict == ("anomalous" if score > limit else "normal")
    reason = "" if decides else tools["refute"](case).statement if "refute" in tools else evidence.statement
    return Judged(f"the limit is {most}, the score is {printed}:", evidence, reason)


def meaning(profile: Profile) -> str:
    """What a profile's alpha means, and what it cannot be set for.

    Example:
        "1 in 100 normal pictures would be called anomalous. With 60 normal pictures the limit cannot be set for less
        than 1 in 61."
    """
    calibration = profile.calibration
    things = "pictures" if profile.kind == "picture" else f"stretches of {STRETCH_SECONDS:g} s"
    return (
        f"{share(calibration.alpha)} normal {things} would be called anomalous. With {calibration.n:,} normal {things} "
        f"the limit cannot be set for less than 1 in {calibration.n + 1:,}"
        f"{'.' if calibration.reliable else ', so that is what it is set for.'}"
    )


def share(alpha: float) -> str:
    """A share as people say it.

    Example:
        >>> share(0.01), share(0.03), share(0.005), share(0.015)
        ('1 in 100', '3 in 100', '1 in 200', '15 in 1,000')
    """
    if abs(1 / alpha - round(1 / alpha)) < 1e-6:
        return f"1 in {round(1 / alpha):,}"
    whole = next((parts for parts in _PARTS if abs(alpha * parts - round(alpha * parts)) < 1e-6), _PARTS[-1])
    return f"{alpha * whole:.3g} in {whole:,}"
