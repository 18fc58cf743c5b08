"""Which intent a question has: a logistic regression over the sentence embeddings of the examples of each.

Of examples left out it gets 65 % right, the nearest example 45 %: they are chosen to differ from one another.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from xad_agent.prompts import vocabulary

# Below this cosine to every example a question is none of ours: unrelated text and other languages stay under it.
MIN_SIMILARITY = 0.3
_FIT = 10.0  # from 3 to 300 it makes little difference


@dataclass(frozen=True)
class Intent:
    """What a question asks for.

    Attributes:
        name: Key in prompts/intents.yaml.
        plan: Tools to call, in order.
        say: Tools whose statements make up the answer.
        topic: Which limit to state, "" for none.
        similarity: Cosine to the nearest example, -1 to 1.
        one: Whether it is about one event.
    """

    name: str
    plan: tuple[str, ...]
    say: tuple[str, ...]
    topic: str = ""
    similarity: float = 1.0
    one: bool = False


def intent(name: str, similarity: float = 1.0, clip: bool = False) -> Intent:
    """The intent of that name, with its plan for a clip or a picture; KeyError when prompts/intents.yaml has none."""
    entry: dict[str, Any] = vocabulary("intents")["intents"][name]
    chosen = entry.get("clip", entry) if clip else entry
    plan = tuple(chosen["plan"])
    say = tuple(chosen.get("say", plan))
    return Intent(name, plan, say, entry.get("topic", ""), similarity, chosen.get("about") == "one event")


def route(question: str, clip: bool = False) -> Intent:
    """The likeliest intent of a question about a picture or a clip; "off_topic" when no example is near."""
    from xad_agent.llm.sentences import embed

    examples, classifier = _learned()
    asked = embed([question])
    similarity = float((examples @ asked[0]).max())
    name = str(classifier.predict(asked)[0]) if similarity >= MIN_SIMILARITY else "off_topic"
    return intent(name, similarity, clip)


@cache
def _learned() -> tuple[np.ndarray, Any]:
    """The examples' embeddings, and the classifier fitted to them."""
    from sklearn.linear_model import LogisticRegression

    from xad_agent.llm.sentences import embed

    pairs = [(name, text) for name, entry in vocabulary("intents")["intents"].items() for text in entry["examples"]]
    examples = embed([text for _, text in pairs])
    classifier = LogisticRegression(C=_FIT, class_weight="balanced", max_iter=1000)
    return examples, classifier.fit(examples, [name for name, _ in pairs])
