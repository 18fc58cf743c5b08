"""Which option of a multiple-choice question an answer bears out: by a rule that looks at what was measured.

The agent answers the question in its own way; then, by the subtask,

    detection        "yes" or "no" by the verdict; none where that is uncertain
    localization     the option whose place, by its position words, is nearest to where the strongest region that the
                     answer's claims rest on lies; none where two are as near, or no region is named
    classification   the option that has a name in it that the answer's evidence gives ("scratch")
    the rest         the option nearest in meaning to a sentence of the answer's evidence where it is near at all and
    (and where no    clearly nearer than the next; limits are left out, and what a knowledge file says of defects where
    name decides)    nothing measured names this one

and a chat model that can choose is asked last, where no rule decides: its option must pass the claim checker as a claim
on the evidence that it cites. Where nothing decides, no option is chosen.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from xad_agent.answer import Answer, Claim
from xad_agent.check import check, stated_verdicts
from xad_agent.eval.answer_names import named_regions, names_said
from xad_agent.eval.mmad import DETECTION, Question
from xad_agent.evidence import Evidence, Ledger
from xad_agent.knowledge import NEAR
from xad_agent.language import mentions, sentences, tokens
from xad_agent.prompts import prompt, vocabulary

LEAD = 0.05  # of the nearest option over the next, in cosine; set before anything was measured
_AT = {"left": (0, 1 / 6), "right": (0, 5 / 6), "upper": (1, 1 / 6), "lower": (1, 5 / 6)}
_MIDDLE = "centre"

Embed = Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class Choice:
    """An option, or none.

    Attributes:
        letter: The option's; None where nothing decides.
        by: Which rule decided: verdict, place, name, meaning, model; "" where none did.
        why: In words.
    """

    letter: str | None = None
    by: str = ""
    why: str = "nothing that was measured decides between the options"


def choose(
    question: Question, answer: Answer, shape: tuple[int, int], embed: Embed, model: BaseChatModel | None = None
) -> Choice:
    """The option that an answer bears out.

    Args:
        question: With its options.
        answer: Of the agent, to the question.
        shape: Height and width of the picture.
        embed: Texts to unit vectors (N, D).
        model: Is asked where no rule decides; None for no model.
    """
    if question.subtask == DETECTION:
        return _by_verdict(question.options, answer)
    if question.subtask == "Defect Localization":
        found = _by_place(question.options, answer, shape)
    elif question.subtask.endswith("Classification"):
        found = _by_name(question.options, answer)
    else:
        found = _by_meaning(question, answer, embed)
    if found.letter is None and question.subtask.endswith("Classification"):
        found = _by_meaning(question, answer, embed)
    return _by_model(question, answer, model) if found.letter is None and model is not None else found


def _by_verdict(options: Mapping[str, str], answer: Answer) -> Choice:
    if answer.verdict == "uncertain":
        return Choice(why="the verdict is uncertain")
    wanted = "yes" if answer.verdict == "anomalous" else "no"
    first = {letter: (tokens(option) or [""])[0] for letter, option in options.items()}
    fits = [letter for letter, word in first.items() if word == wanted]
    fits = fits or [letter for letter, option in options.items() if stated_verdicts(option) == {answer.verdict}]
    return Choice(fits[0], "verdict", f"the verdict is {answer.verdict}") if len(fits) == 1 else Choice()


def _by_place(options: Mapping[str, str], answer: Answer, shape: tuple[int, int]) -> Choice:
    regions = named_regions(answer)
    if not regions:
        return Choice(why="no region is named")
    y, x = np.nonzero(regions[0].mask(*shape))
    here = np.array([(x.mean() + 0.5) / shape[1], (y.mean() + 0.5) / shape[0]])
    away = {letter: float(np.linalg.norm(at - here)) for letter, option in options.items() if (at := _place(option))}
    nearest = sorted(away, key=away.__getitem__)
    if not nearest or (len(nearest) > 1 and away[nearest[1]] - away[nearest[0]] < 1e-9):
        return Choice(why="no option, or more than one, says where that is")
    return Choice(nearest[0], "place", f"{regions[0].label} lies at {here[0]:.2f}, {here[1]:.2f} of width and height")


def _place(option: str) -> tuple[float, float] | None:
    """x and y, in shares of width and height, of what an option's position words say; None where it has none."""
    found = {mention.entry for mention in mentions(tokens(option), vocabulary("places"))}
    told = [_AT[entry] for entry in found if entry in _AT]
    if not told and _MIDDLE not in found:
        return None
    if len({axis for axis, _ in told}) < len(told):
        return None  # "left or right" is no place
    place = [0.5, 0.5]
    for axis, at in told:
        place[axis] = at
    return place[0], place[1]


def _by_name(options: Mapping[str, str], answer: Answer) -> Choice:
    """The option in which a name stands that the evidence gives: a label, or the product that knowledge is of."""
    table = vocabulary("defects")
    cited = {evidence for claim in answer.claims for evidence in claim.evidence}
    things = {str(entry.arguments["thing"]): 1.0 for entry in answer.evidence
              if entry.tool == "knowledge" and entry.id in cited}  # fmt: skip
    names = {**names_said(answer), **things}
    for name in sorted(names, key=lambda name: -names[name]):
        phrases = {name: [name, *table.get(name, ())]}
        fits = [letter for letter, option in options.items() if mentions(tokens(option), phrases)]
        if len(fits) == 1:
            return Choice(fits[0], "name", f"it is called {name!r}")
    return Choice(why="nothing that was measured names it")


def _by_meaning(question: Question, answer: Answer, embed: Embed) -> Choice:
    options = question.options
    cited = {evidence for claim in answer.claims for evidence in claim.evidence}
    said = [
        sentence
        for entry in answer.evidence
        if entry.id in cited and _bears(entry, question)
        for sentence in sentences(entry.statement)
    ]
    if not said:
        return Choice()
    vectors = embed([*said, *options.values()])
    near = (vectors[: len(said)] @ vectors[len(said) :].T).max(axis=0)
    order = np.argsort(-near, kind="stable")
    if near[order[0]] < NEAR or near[order[0]] - near[order[1]] < LEAD:
        return Choice()
    best = int(order[0])
    return Choice(list(options)[best], "meaning", f"cosine {near[best]:.2f}, the next {near[order[1]]:.2f}")


def _bears(entry: Evidence, question: Question) -> bool:
    """Whether evidence can say which option holds; what a file says of a defect cannot, unless this one is named."""
    if entry.kind == "knowledge":
        return bool(entry.labels) or question.subtask.startswith("Object")
    return entry.kind != "limit" and not entry.verdict


def _by_model(question: Question, answer: Answer, model: BaseChatModel) -> Choice:
    lines = [f"{entry.id}: {entry.statement}" for entry in answer.evidence]
    case = {"question": question.text, "options": dict(question.options), "evidence": lines}
    try:
        reply = model.invoke([HumanMessage(prompt("choice", case=json.dumps(case, ensure_ascii=False)))]).text
        given = json.loads(str(reply))
        letter, cited = str(given["choice"]), tuple(map(str, given["evidence"]))
    except Exception as error:  # a provider may raise anything, and a model may say anything
        return Choice(why=f"the chat model chose nothing that can be read ({type(error).__name__})")
    if letter not in question.options:
        return Choice(why="the chat model chose no option")
    reasons = check(Claim(text=question.options[letter], kind="what", evidence=cited), Ledger(answer.evidence))
    if reasons:
        return Choice(why=f"the chat model chose {letter}, which its evidence does not bear: {reasons[0]}")
    return Choice(letter, "model", f"the chat model chose it, on {', '.join(cited)}")
