import json

from hypothesis import given
from hypothesis import strategies as st

from xad_agent.draft import parse_draft


def test_json_alone_or_inside_other_text():
    record = {"claims": [{"text": "It is normal.", "kind": "verdict", "evidence": ["E1"]}]}
    for text in (json.dumps(record), f"Here you are:\n```json\n{json.dumps(record)}\n```"):
        (claim,) = parse_draft(text)
        assert (claim.text, claim.kind, claim.evidence) == ("It is normal.", "verdict", ("E1",))


def test_prose_with_citations():
    first, second = parse_draft("It is anomalous [E1]. The place is the rim [E2, E3]. I made this up.")
    assert first.text == "It is anomalous." and second.evidence == ("E2", "E3")


def test_what_has_the_wrong_form_is_left_out():
    assert parse_draft('{"claims": [1, {"text": 2}, {"kind": "why"}, null]}') == []
    (claim,) = parse_draft('{"claims": [{"text": "So.", "kind": "gossip", "evidence": "E1"}]}')
    assert claim.kind == "what" and claim.evidence == ("E1",)


@given(st.text(max_size=300))
def test_any_text_can_be_parsed(text):
    parse_draft(text)
