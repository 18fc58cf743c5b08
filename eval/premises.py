"""`xad eval premises`: whether the agent says no, or that it cannot tell, where that is the only right answer.

Questions are made by a seed from the templates of premises.yaml, over real pictures and clips: about things that are
not there, regions, events and times that do not exist, defects of what passes, a picture before the first, causes,
makers and the future, and what is off the topic; and as many whose premise holds. All questions of one medium are
asked in one chat. What is there is what the agent's own evidence says, where that is what the question takes for
granted: a region exists where `locate` found one, and "why is it defective?" is a false premise where the verdict is
"normal". Of things, the list names such as real pictures of these kinds do not show.

An answer is judged by the evidence that its claims cite, never by its words. It denies where a claim cites a
measurement that the thing asked about is not there (`find`, `look_for` without a label for it; of a defect the
verdict "normal", or that with a score below the limit no place stands out), or a limit about just that (the region's
number, the time beyond the clip's length, the topic). It says "no" where the denial is measured, or "cannot tell"
where it is a limit, and cites nothing that goes on as though the premise held: besides the denial only the groundwork
(score, timeline, locate, and what is normal or missing). All else counts as yes.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xad_agent.answer import Answer
from xad_agent.eval.reading import packaged
from xad_agent.eval.report import share_line
from xad_agent.evidence import Evidence

if TYPE_CHECKING:
    from xad_agent.agent import Agent, Chat

NORMALS, NORMAL_CLIPS, ALPHA = 60, 4, 0.05
QUESTIONS = 12  # false ones for each picture or clip
_GROUNDWORK = {"score", "refute", "timeline", "locate", "normal", "missing"}
_ABOUT = {"region": "regions", "event": "events"}

Stance = Literal["yes", "no", "cannot tell"]


@dataclass(frozen=True)
class Premise:
    """A question that takes something for granted.

    Attributes:
        kind: A key of `fails` or `holds` in premises.yaml.
        question: In words.
        about: The thing, the number of the region or event, or the time in seconds; None for what names none of these.
        holds: Whether it is so.
    """

    kind: str
    question: str
    about: str | float | None
    holds: bool


def stance(answer: Answer, premise: Premise) -> Stance:
    """Whether an answer denies what a question takes for granted; see the module."""
    by_id = {entry.id: entry for entry in answer.evidence}
    cited = [by_id[i] for claim in answer.claims for i in claim.evidence]
    denials = [entry for entry in cited if _denies(entry, premise)]
    goes_on = any(entry not in denials and entry.tool not in _GROUNDWORK for entry in cited)
    if not denials or goes_on:
        return "yes"
    return "no" if any(entry.kind == "observation" for entry in denials) else "cannot tell"


def _denies(entry: Evidence, premise: Premise) -> bool:
    """Whether a piece of evidence says that what is asked about is not so, or that just that cannot be told."""
    limit = entry.kind == "limit"
    values = {quantity.name: quantity.value for quantity in entry.quantities}
    match premise.kind:
        case "object" | "unknown object":
            wanted = [*entry.arguments.get("phrases", ()), entry.arguments.get("what")]
            return entry.tool in {"find", "look_for"} and premise.about in wanted and premise.about not in entry.labels
        case "region" | "event":
            return limit and values.get("region") == premise.about
        case "verdict":
            nowhere = entry.tool in {"locate", "compare"} and not entry.regions and "threshold" in values
            return entry.verdict == "normal" or (nowhere and values["score"] <= values["threshold"])
        case "time":
            return limit and entry.tool == "moment" and values["clip length"] < values["moment"] == premise.about
        case "previous":
            return limit and entry.tool == "previous"
        case "answerable":
            return limit and entry.tool != "missing"
        case _:
            return limit and entry.arguments.get("topic") in packaged("premises")["topics"][premise.kind]


def premises_for(chat: "Chat", media: str, rng: random.Random, most: int = QUESTIONS) -> list[Premise]:
    """Questions for what a chat is about, as many whose premise is false as such whose premise holds.

    Args:
        chat: Its case says what is there.
        media: "picture" or "clip".
        rng: Draws kinds, templates and what they are about.
        most: How many of each half.
    """
    false = _drawn(_possible(chat, media, holds=False), False, rng, most)
    return false + _drawn(_possible(chat, media, holds=True), True, rng, len(false))


def _possible(chat: "Chat", media: str, holds: bool) -> dict[str, list[tuple[dict[str, str], str | float | None]]]:
    """By kind, what a question can be about in this chat: the words to fill in, and the thing, number or time."""
    data, case = packaged("premises"), chat.case
    things, clip = data["things"], media == "clip"
    part = "event" if clip else "region"
    count = len(getattr(case, _ABOUT[part]))
    numbers = range(1, count + 1) if holds else range(count + 1, min(count + 4, 9) + 1)
    ordinals = [({"ordinal": data["ordinals"][number - 1]}, number) for number in numbers if number <= 9]
    passes = chat.ask("Is it normal?").verdict == "normal"
    nothing: list[tuple[dict[str, str], str | float | None]] = [({}, None)]
    if holds:
        return {
            "object": [({"thing": thing}, thing) for thing in things["present_in_clips"] if clip],
            part: ordinals,
            "verdict": [] if clip or passes else nothing,
            "time": [(_clock(at), at) for at in _inside(case)] if clip else [],
            "answerable": nothing,
        }
    absent = [thing for thing in things["known"] if not (clip and thing in things["not_in_clips"])]
    return {
        "object": [({"thing": thing}, thing) for thing in absent],
        "unknown object": [({"thing": thing}, thing) for thing in things["unknown"]],
        part: ordinals,
        "verdict": nothing if passes and not clip else [],
        "time": [(_clock(at), at) for at in (599.0, 754.0, 3725.0)] if clip else [],
        "previous": nothing,
        "unanswerable": nothing,
        "off-topic": nothing,
    }


def _inside(case: Any) -> list[float]:
    """Whole seconds within a clip."""
    return [float(second) for second in range(1, int(case.clip.duration))]


def _clock(seconds: float) -> dict[str, str]:
    minutes, rest = divmod(int(seconds), 60)
    return {"time": f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"}


def _drawn(
    possible: dict[str, list[tuple[dict[str, str], str | float | None]]], holds: bool, rng: random.Random, most: int
) -> list[Premise]:
    """Distinct questions, the kinds in turn, until there are enough or no more."""
    templates = packaged("premises")["holds" if holds else "fails"]
    decks = {
        kind: [
            Premise(kind, template.format(**words), about, holds)
            for template in templates[kind]
            for words, about in fillings
        ]
        for kind, fillings in possible.items()
    }
    for deck in decks.values():
        rng.shuffle(deck)
    chosen: list[Premise] = []
    while len(chosen) < most and any(decks.values()):
        chosen += [deck.pop() for deck in decks.values() if deck]
    return chosen[:most]


def evaluate_premises(
    pictures: Sequence[Path], clips: Path | None = None, *, media: int = 8, seed: int = 0, llm: str = "embedded"
) -> dict[str, Any]:
    """Ask about real pictures and clips, and judge the answers.

    Args:
        pictures: Folders in MVTec's layout; a profile of at most `NORMALS` good pictures is fitted for each.
        clips: A folder in the layout of UCSD Ped2; a profile of at most `NORMAL_CLIPS` clips is fitted.
        media: How many test pictures of each folder, half of them good, and half as many clips.
        seed: Of the choice of media and questions.
        llm: Spec of the chat model.

    Returns:
        JSON-able: `denied`, the share of false premises answered by no or cannot tell; `accepted`, that of true ones
        answered by yes; `yes_ratio` over both; `by_kind`; each with its 95 % interval; and what was `wrong`.

    Raises:
        XadError: A folder has not that layout.
    """
    rng = random.Random(seed)
    judged: list[tuple[Premise, Stance, Answer]] = []
    for directory in pictures:
        judged += _asked(*_pictures(directory, media, rng, llm), "picture", rng)
    if clips is not None:
        judged += _asked(*_clips(clips, media // 2, rng, llm), "clip", rng)
    return _summary(judged) | {"seed": seed, "llm": llm}


def _pictures(directory: Path, media: int, rng: random.Random, llm: str) -> tuple["Agent", list[Path]]:
    from xad_agent.agent import Agent
    from xad_agent.eval.layout import read_layout
    from xad_agent.picture_profile import PictureProfile

    category = read_layout(directory)[0]
    normal = list(category.normal)
    profile = PictureProfile.fit(rng.sample(normal, min(NORMALS, len(normal))), alpha=ALPHA, progress=False)
    good = [sample.path for sample in category.test if not sample.defective]
    defective = [sample.path for sample in category.test if sample.defective]
    chosen = rng.sample(good, min(media // 2, len(good)))
    return Agent(profile, llm), chosen + rng.sample(defective, min(media - media // 2, len(defective)))


def _clips(directory: Path, media: int, rng: random.Random, llm: str) -> tuple["Agent", list[Path]]:
    from xad_agent.agent import Agent
    from xad_agent.clip_profile import ClipProfile
    from xad_agent.eval.clip_layout import read_clip_set

    layout = read_clip_set(directory)
    normal = list(layout.training)
    profile = ClipProfile.fit(rng.sample(normal, min(NORMAL_CLIPS, len(normal))), alpha=ALPHA, progress=False)
    tested = [clip.path for clip in layout.testing]
    return Agent(profile, llm), rng.sample(tested, min(media, len(tested)))


def _asked(
    agent: "Agent", paths: Iterable[Path], media: str, rng: random.Random
) -> Iterator[tuple[Premise, Stance, Answer]]:
    for path in paths:
        chat = agent.chat(path)
        for premise in premises_for(chat, media, rng):
            answer = chat.ask(premise.question)
            yield premise, stance(answer, premise), answer


def _summary(judged: Sequence[tuple[Premise, Stance, Answer]]) -> dict[str, Any]:
    from xad_agent.eval.intervals import proportion

    def right(premise: Premise, said: Stance) -> bool:
        return (said == "yes") == premise.holds

    def share(wanted: Callable[[Premise], bool]) -> dict[str, float | int | None]:
        return proportion(right(premise, said) for premise, said, _ in judged if wanted(premise))

    def of(kind: str, holds: bool) -> dict[str, float | int | None]:
        return share(lambda premise: (premise.kind, premise.holds) == (kind, holds))

    kinds = dict.fromkeys((premise.kind, premise.holds) for premise, _, _ in judged)
    return {
        "denied": share(lambda premise: not premise.holds),
        "accepted": share(lambda premise: premise.holds),
        "yes_ratio": proportion(said == "yes" for _, said, _ in judged),
        "by_kind": {f"{kind}, {'true' if holds else 'false'}": of(kind, holds) for kind, holds in kinds},
        "seconds": sum(answer.seconds for _, _, answer in judged),
        "wrong": [
            {"question": premise.question, "kind": premise.kind, "holds": premise.holds, "answer": answer.text}
            for premise, said, answer in judged
            if not right(premise, said)
        ],
    }


def as_text(result: dict[str, Any]) -> str:
    """The result as a table, with what was got wrong."""
    rows = [
        ("false premises denied", result["denied"]),
        ("true premises accepted", result["accepted"]),
        ("answered by yes", result["yes_ratio"]),
        *((f"  {kind}", share) for kind, share in result["by_kind"].items()),
    ]
    lines = [share_line(name, share, 26) for name, share in rows]
    lines += [f"wrong: {one['question']!r}: {one['answer']}" for one in result["wrong"]]
    return "\n".join(lines)
