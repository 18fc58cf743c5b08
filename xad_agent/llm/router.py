"""Which intent a question has: a linear support vector machine over sentence embedding, words and letters of examples.

The embedding knows what words mean; words and letters (n-grams) bear short questions and typing errors. Of examples
left out, five folds, it gets 81 % right: they are chosen to differ from one another, and some intents to have the same
plan. What counts is whether the plan is right: `xad eval planning`.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from xad_agent.prompts import vocabulary

# Below this cosine to every example a question is none of ours: unrelated text and other languages stay under it.
MIN_SIMILARITY = 0.3
_FIT, _SURFACE = 1.0, 0.8  # from 0.3 to 3, and from 0.3 to 0.8, five folds tell them apart by two percent at most


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
    name, similarity = named([question])[0]
    return intent(name, similarity, clip)


def named(questions: list[str]) -> list[tuple[str, float]]:
    """The likeliest intent of each question by name, with the cosine to its nearest example."""
    from xad_agent.llm.sentences import embed

    examples, features, classifier = _learned()
    asked = embed(questions)
    similarities = (asked @ examples.T).max(axis=1)
    names = classifier.predict(_joined(asked, features, questions))
    return [
        (str(name) if similarity >= MIN_SIMILARITY else "off_topic", float(similarity))
        for name, similarity in zip(names, similarities, strict=True)
    ]


@cache
def _learned() -> tuple[np.ndarray, Any, Any]:
    """The examples' embeddings, what counts their words and letters, and the classifier fitted to both."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion
    from sklearn.svm import LinearSVC

    from xad_agent.llm.sentences import embed_kept

    pairs = [(name, str(text)) for name, texts in vocabulary("examples").items() for text in texts]
    names, texts = [name for name, _ in pairs], [text for _, text in pairs]
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    features = FeatureUnion([("words", words), ("letters", letters)]).fit(texts)
    examples = embed_kept(texts)
    classifier = LinearSVC(C=_FIT, class_weight="balanced", random_state=0)
    return examples, features, classifier.fit(_joined(examples, features, texts), names)


def _joined(embeddings: np.ndarray, features: Any, texts: list[str]) -> Any:
    """One sparse row of features per text."""
    from scipy.sparse import csr_matrix, hstack

    return hstack([csr_matrix(embeddings), _SURFACE * features.transform(texts)]).tocsr()
