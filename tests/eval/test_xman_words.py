"""Free text to classes: synonyms, what is denied, and the table itself."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xad_agent.eval.xman_words import Synonyms
from xad_agent.prompts import vocabulary

CLASSES = ("run / jog", "bicycle", "vehicle (cart)")
AVA = "bend/bow (at the waist); crawl; crouch/kneel; fall down; jump/leap; run/jog; ride (e.g., a bike, a car, a horse)"


@pytest.mark.parametrize(
    ("classes", "text", "named", "unmapped", "why"),
    [
        (CLASSES, "two cyclists and a runner", {"bicycle", "run / jog"}, ["two"], "synonyms"),
        (CLASSES, "Riding a bike", {"bicycle"}, [], "the longest phrase first"),
        (("ride", "bicycle"), "riding a bike", {"bicycle"}, [], "also where a part of it names another class"),
        (("ride", "bicycle"), "riding past a bike", {"ride", "bicycle"}, [], "each by itself"),
        (CLASSES, "a truck", {"vehicle (cart)"}, [], "of the two entries with truck, one is a class here"),
        (("truck", "vehicle (cart)"), "trucks", set(), ["trucks"], "two entries are classes here: not guessed"),
        (("truck", "vehicle (cart)"), "a truck", {"truck"}, [], "but a class's own name is certain"),
        (CLASSES, "an unheard-of thing", set(), ["unheard", "thing"], "nothing is guessed"),
        (("Quetzal dance",), "a quetzal-dance", {"Quetzal dance"}, [], "a class without entry, by its own name"),
        (CLASSES, "", set(), [], "no text"),
        (CLASSES, "2 carts at 7.5 s", {"vehicle (cart)"}, ["s"], "numbers are no words"),
        ((), "a bike", set(), ["bike"], "no class"),
        (("Car", "car"), "a car", {"car"}, [], "the later of two that are spelled alike"),
    ],
)
def test_synonyms(classes, text, named, unmapped, why):
    assert Synonyms(classes).read(text) == (named, set(), unmapped), why


def test_the_table_is_well_formed():
    table = vocabulary("xman")
    assert set(table) == {"kinds", "ignored", "negations", "affirmations", "turns", "classes"}
    for entry, phrases in table["classes"].items():
        assert all(isinstance(phrase, str) and phrase == phrase.casefold() for phrase in [entry, *phrases]), entry
        assert max(Counter(phrases).values()) == 1, entry
        assert not set(phrases) & set(table["ignored"]), entry
        synonyms = Synonyms([entry])
        assert {synonyms.class_of(name) for name in [entry, *phrases]} == {entry}
    assert not set(table["ignored"]) & set(table["negations"])


@pytest.mark.parametrize(
    ("text", "named", "denied", "why"),
    [
        ("no bicycle", set(), {"bicycle"}, "the plain case"),
        ("Nobody is running.", set(), {"run / jog"}, "as a subject"),
        ("He isn\u2019t running", set(), {"run / jog"}, "contracted"),
        ("without any sign of a bike", set(), {"bicycle"}, "within five words"),
        ("no one of the many people here rides a bike", {"bicycle"}, set(), "not beyond them"),
        ("no bicycle, a cart", {"vehicle (cart)"}, {"bicycle"}, "a clause ends it"),
        ("not a cart but a bicycle", {"bicycle"}, {"vehicle (cart)"}, "so does a turn"),
        ("not only a bicycle but also a cart", {"bicycle", "vehicle (cart)"}, set(), "this denies nothing"),
        ("nothing but a bicycle", {"bicycle"}, set(), "nor this"),
        ("no bicycle at first. Then a bicycle", {"bicycle"}, set(), "what is also named is named"),
        ("neither a bicycle nor a cart", set(), {"bicycle", "vehicle (cart)"}, "both"),
        ("a vehicle (cart) - not a bike", {"vehicle (cart)"}, {"bicycle"}, "brackets are no clause, a dash is"),
    ],
)
def test_what_is_denied_is_not_named(text, named, denied, why):
    found = Synonyms(CLASSES).read(text)
    assert (found.named, found.denied) == (named, denied), why


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["a bike", "no", "runs", "but", "zebra", "cart", ",", "."]), max_size=12))
def test_nothing_is_named_that_is_not_there_nor_both_named_and_denied(words):
    found = Synonyms(CLASSES).read(" ".join(words))
    said = {"bicycle": "a bike", "run / jog": "runs", "vehicle (cart)": "cart"}
    assert not found.named & found.denied
    assert found.named | found.denied == {name for name, word in said.items() if word in words}
    assert set(found.unmapped) <= {"zebra"} and found.unmapped.count("zebra") == words.count("zebra")


def test_classes_of_ava_and_coco_are_known_by_other_words():
    """X-MAN's actions mostly are AVA's and its objects COCO's; spelled with or without spaces around the slash."""
    for name in AVA.split("; "):
        assert len([entry for entry in vocabulary("xman")["classes"] if Synonyms([name]).class_of(entry) == name]) >= 1
    coco = [name for name in vocabulary("coco") if name in vocabulary("xman")["classes"]]
    assert len(coco) >= 20 and Synonyms(["ride (e.g., a bike, a car, a horse)"]).class_of("riding")
