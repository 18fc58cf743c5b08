"""A chat model as the judge of answers by a rubric: secondary to all that is measured.

Each answer is graded by itself, so no order of answers can matter, and criteria may come back in any order. Grades are
read strictly: what is not exactly the object asked for is counted as unreadable and never guessed at.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from xad_agent.errors import reason
from xad_agent.eval.intervals import mean_of
from xad_agent.prompts import prompt

CRITERIA = ("correctness", "specificity", "completeness", "fluency")
LOWEST, HIGHEST = 1, 5


def graded(judge: BaseChatModel, question: str, reference: Sequence[str], answer: str) -> dict[str, Any]:
    """A judge's grades of one answer.

    Args:
        judge: Any chat model.
        question: What was asked.
        reference: Sentences that are true.
        answer: The text to grade.

    Returns:
        Each of `CRITERIA` -> 1 to 5; or `unreadable`, why there are none.
    """
    case = json.dumps({"question": question, "reference": " ".join(reference), "answer": answer}, ensure_ascii=False)
    try:
        reply = judge.invoke([HumanMessage(prompt("judge", case=case))]).text
    except Exception as error:  # a provider may raise anything
        return {"unreadable": f"the judge failed ({type(error).__name__}: {reason(error)})"}
    return read_grades(str(reply))


def read_grades(reply: str) -> dict[str, Any]:
    """The grades in a judge's reply, which must be one JSON object of whole numbers and nothing else.

    Example:
        >>> read_grades('{"correctness": 5, "specificity": 3, "fluency": 4, "completeness": 2}')["completeness"]
        2
    """
    try:
        given = json.loads(reply)
    except (ValueError, RecursionError):
        return {"unreadable": "the reply is not one JSON object"}
    if not isinstance(given, dict) or set(given) != set(CRITERIA):
        return {"unreadable": f"the reply does not grade {', '.join(CRITERIA)} and nothing else"}
    if not all(type(grade) is int and LOWEST <= grade <= HIGHEST for grade in given.values()):
        return {"unreadable": f"a grade is no whole number from {LOWEST} to {HIGHEST}"}
    return {name: given[name] for name in CRITERIA}


def grade_summary(rows: Sequence[Mapping[str, Any]], groups: Sequence[Any], seed: int) -> dict[str, Any]:
    """The mean grades with intervals by bootstrap over whole groups, and what could not be read.

    Returns:
        `n`, `unreadable`, `reasons` {why: how often}, `secondary` True, and each of `CRITERIA` as `mean_of` gives it.
    """
    read = [("unreadable" not in row, row, group) for row, group in zip(rows, groups, strict=True)]
    reasons: dict[str, int] = {}
    for row in rows:
        if why := row.get("unreadable"):
            reasons[why] = reasons.get(why, 0) + 1
    known = [group for kept, _, group in read if kept]
    return {
        "n": len(rows),
        "unreadable": sum(reasons.values()),
        "reasons": reasons,
        "secondary": True,
        **{name: mean_of([row[name] for kept, row, _ in read if kept], known, seed) for name in CRITERIA},
    }
