"""Which intent a question has: the one with the nearest example, by sentence embeddings."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from xad_agent.prompts import vocabulary

# Below this cosine to every example a question is none of ours: unrelated text and other languages stay under it.
MIN_SIMILARITY = 0.3


@dataclass(frozen=True)
class Intent:
    """What a question asks for.

    Attributes:
        name: Key in prompts/intents.yaml.
        plan: Tools to call, in order.
        say: Tools whose statements make up the answer.
        topic: Which limit to state, "" for none.
        similarity: Cosine to the nearest example, -1 to 1.
    """

    name: str
    plan: tuple[str, ...]
    say: tuple[str, ...]
    topic: str = ""
    similarity: float = 1.0

    def among(self, tools: set[str]) -> "Intent":
        """The same without the tools that are not there."""
        plan, say = (tuple(name for name in names if name in tools) for names in (self.plan, self.say))
        return replace(self, plan=plan, say=say)


def intent(name: str, similarity: float = 1.0, clip: bool = False) -> Intent:
    """The intent of that name, with its plan for a clip or a picture; KeyError when prompts/intents.yaml has none."""
    entry: dict[str, Any] = vocabulary("intents")["intents"][name]
    chosen = entry.get("clip", entry) if clip else entry
    plan = tuple(chosen["plan"])
    return Intent(name, plan, tuple(chosen.get("say", plan)), entry.get("topic", ""), similarity)


def route(question: str, clip: bool = False) -> Intent:
    """The intent of a question about a picture or a clip, by its nearest example; "off_topic" when nothing is near."""
    names, examples = _examples()
    from xad_agent.llm.sentences import embed

    similarities = examples @ embed([question])[0]
    best = int(similarities.argmax())
    name = names[best] if similarities[best] >= MIN_SIMILARITY else "off_topic"
    return intent(name, float(similarities[best]), clip)


@cache
def _examples() -> tuple[list[str], np.ndarray]:
    from xad_agent.llm.sentences import embed

    pairs = [(name, text) for name, entry in vocabulary("intents")["intents"].items() for text in entry["examples"]]
    return [name for name, _ in pairs], embed([text for _, text in pairs])
