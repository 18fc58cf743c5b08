"""Descriptions of a scene, read as triplets: "a man is riding a bike" says that a person rides a bike.

spaCy's small English model parses (Honnibal et al. 2020); here is only which of its dependencies make a triplet:
a verb with its subject and each object or prepositional object, a preposition between two nouns, and what "there is".
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from xad_agent import weights
from xad_agent.errors import XadError
from xad_agent.perception.relations import Triplet
from xad_agent.prompts import vocabulary

_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")
_SUBJECTS, _OBJECTS = ("nsubj", "nsubjpass"), ("dobj", "dative", "attr", "oprd")
_BATCH = 256

_Words = tuple[str, str, str]


def read_triplets(texts: Sequence[str]) -> list[list[Triplet]]:
    """What each text says of its scene; a triplet's frame is the index of its text.

    A sentence that occurs many times is parsed once. About 7,000 words a second on one core.

    Raises:
        XadError: spaCy or its model is not there.
    """
    split = [[part for part in _SENTENCE_END.split(text.strip()) if part] for text in texts]
    distinct = list(dict.fromkeys(part for parts in split for part in parts))
    said = {
        sentence: list(_triplets(parsed))
        for sentence, parsed in zip(distinct, _parser().pipe(distinct, batch_size=_BATCH), strict=True)
    }
    return [
        [Triplet(*words, frame=index) for part in parts for words in said[part]] for index, parts in enumerate(split)
    ]


@cache
def _parser() -> Any:
    try:
        import spacy
    except ImportError as error:
        raise XadError('reading descriptions needs spaCy: pip install "xad-agent[eval]"') from error
    return spacy.load(weights.path("parser"), exclude=["ner", "senter"])


def _triplets(sentence: Any) -> Iterator[_Words]:
    for token in sentence:
        if token.pos_ in ("VERB", "AUX") and token.dep_ not in ("aux", "auxpass"):
            yield from _of_verb(token)
        elif token.dep_ == "prep" and token.head.pos_ in ("NOUN", "PROPN", "PRON", "NUM"):
            yield from _of_preposition(token)


def _of_verb(verb: Any) -> Iterator[_Words]:
    if any(child.dep_ == "expl" for child in verb.children):
        present = vocabulary("parsing")["present"]
        yield from ((name, present, "") for child in verb.children if child.dep_ == "attr" for name in _names(child))
        return
    subjects = _names(found) if (found := _subject(verb)) is not None else []
    silent = verb.lemma_ in vocabulary("parsing")["stating"]
    denied = any(child.dep_ == "neg" for child in verb.children)
    if not subjects or denied or (silent and verb.lemma_ != "be"):
        return
    doing = " ".join([_form(verb), *_manner(verb)])
    objects = (
        [] if silent else [("", name) for child in verb.children if child.dep_ in _OBJECTS for name in _names(child)]
    )
    objects += _prepositional(verb)
    if not objects and not silent:
        objects = [("", "")]
    yield from ((subject, f"{doing} {link}".strip(), name) for subject in subjects for link, name in objects)


def _of_preposition(link: Any) -> Iterator[_Words]:
    if link.head.lemma_ in vocabulary("parsing")["amounts"]:
        return
    for subject in _names(link.head, alone=True):
        yield from (
            (subject, link.lower_, name) for child in link.children if child.dep_ == "pobj" for name in _names(child)
        )


def _subject(verb: Any) -> Any:
    """Who does it: the verb's own subject, the noun it describes, or the subject of the verb it hangs on."""
    token = verb
    while True:
        own = next((child for child in token.children if child.dep_ in _SUBJECTS), None)
        if token.dep_ in ("acl", "relcl") and (own is None or own.tag_ in ("WP", "WDT")):
            return token.head
        if own is not None or token.head == token:
            return own
        token = token.head


def _manner(verb: Any) -> list[str]:
    """Particles and adverbs that belong to what is done: "picks up", "moves quickly"."""
    fillers = vocabulary("parsing")["fillers"]
    return [
        child.lower_
        for child in verb.children
        if child.dep_ == "prt" or (child.dep_ == "advmod" and child.lower_ not in fillers and not _links(child))
    ]


def _links(token: Any) -> list[Any]:
    return [child for child in token.children if child.dep_ == "prep"]


def _prepositional(token: Any, before: str = "") -> list[tuple[str, str]]:
    """Every preposition below a verb with its object; chains such as "out of" and "away from" count as one."""
    found = []
    for child in token.children:
        if child.dep_ == "prep" or (child.dep_ == "advmod" and _links(child)):
            link = f"{before} {child.lower_}".strip()
            found += [(link, name) for noun in child.children if noun.dep_ == "pobj" for name in _names(noun)]
            found += _prepositional(child, link)
    return found


def _names(noun: Any, alone: bool = False) -> list[str]:
    """What a noun and those joined to it are called; nothing for words about the picture, or after "no"."""
    words = vocabulary("parsing")
    joined = (
        [] if alone else [name for child in noun.children if child.dep_ in ("conj", "appos") for name in _names(child)]
    )
    if any(child.dep_ == "det" and child.lower_ == "no" for child in noun.children):
        return joined
    lemma = _lemma(noun)
    if lemma in words["amounts"]:
        inner = [
            below for link in _links(noun) if link.lower_ == "of" for below in link.children if below.dep_ == "pobj"
        ]
        if inner:
            return [*_names(inner[0]), *joined]
    if lemma in words["person"] or noun.like_num:
        return ["person", *joined]
    if lemma in words["picture"] or noun.pos_ not in ("NOUN", "PROPN", "PRON"):
        return joined
    compound = [child.lower_ for child in noun.children if child.dep_ == "compound"]
    return [" ".join([*compound, lemma]), *joined]


def _form(verb: Any) -> str:
    """The verb as one says it of a person: "rides", "has", and "is parked" of what is done to something."""
    passive = verb.tag_ == "VBN" and (verb.dep_ == "acl" or any(child.dep_ == "auxpass" for child in verb.children))
    return f"is {verb.lower_}" if passive else _third_person(_lemma(verb))


def _third_person(verb: str) -> str:
    if verb in ("be", "have"):
        return {"be": "is", "have": "has"}[verb]
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y$", verb) else f"{verb}s"


def _lemma(token: Any) -> str:
    lemma = token.lemma_.lower()
    return str(vocabulary("parsing")["corrections"].get(lemma, lemma))
