"""Which intent a question has: a logistic regression over sentence embedding, words and letters of the examples.

The embedding knows what words mean; words and letters (n-grams) bear short questions and typing errors. Of examples
left out, ten folds, it gets 80 % right: they are chosen to differ from one another, and some intents to have the same
plan.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from xad_agent.prompts import vocabulary

# Below this cosine to every example a question is none of ours: unrelated text and other languages stay under it.
MIN_SIMILARITY = 0.3
_FIT, _SURFACE = 10.0, 0.5  # from 3 to 30, and from 0.5 to 0.7, it makes little difference


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

    def among(self, tools: set[str]) -> "Intent":
        """The same without the tools that are not there."""
        plan, say = (tuple(name for name in names if name in tools) for names in (self.plan, self.say))
        return replace(self, plan=plan, say=say)


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

    examples, features, classifier = _learned()
    asked = embed([question])
    similarity = float((examples @ asked[0]).max())
    name = (
        str(classifier.predict(_joined(asked, features, [question]))[0])
        if similarity >= MIN_SIMILARITY
        else "off_topic"
    )
    return intent(name, similarity, clip)


@cache
def _learned() -> tuple[np.ndarray, Any, Any]:
    """The examples' embeddings, what counts their words and letters, and the classifier fitted to both."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion

    from xad_agent.llm.sentences import embed

    pairs = [(name, text) for name, entry in vocabulary("intents")["intents"].items() for text in entry["examples"]]
    names, texts = [name for name, _ in pairs], [text for _, text in pairs]
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    features = FeatureUnion([("words", words), ("letters", letters)]).fit(texts)
    examples = embed(texts)
    classifier = LogisticRegression(C=_FIT, class_weight="balanced", max_iter=1000)
    return examples, features, classifier.fit(_joined(examples, features, texts), names)


def _joined(embeddings: np.ndarray, features: Any, texts: list[str]) -> np.ndarray:
    """One row of features per text; words and letters at half the weight of the embedding."""
    return np.hstack([embeddings, _SURFACE * features.transform(texts).toarray()])
