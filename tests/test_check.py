"""The claim checker against hand-made evidence: each row says why it must hold or fail."""

import pytest

from xad_agent.answer import Claim
from xad_agent.check import check
from xad_agent.evidence import Event, Ledger, Quantity, Region


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.add(
        tool="score",
        statement="Anomalous: it scores 7.9, above the limit of 4.2. At most 1 in 321 good pictures scores as high.",
        verdict="anomalous",
        quantities=(
            Quantity(name="score", value=7.912, normal=(2.1, 4.0), p_value=1 / 321),
            Quantity(name="threshold", value=4.203),
            Quantity(name="alpha", value=0.01),
        ),
        media="a",
    )
    first = Region(
        label="region 1",
        box=(10, 20, 31, 54),
        score=7.912,
        peak=(20, 30),
        area_share=0.003,
        place=("upper left", "at the rim"),
    )
    second = Region(
        label="region 2", box=(90, 80, 99, 99), score=5.0, peak=(95, 90), area_share=0.001, place=("lower right",)
    )
    ledger.add(
        tool="locate",
        statement="Two places stand out. Region 1 is at the upper left, at the rim: 21 x 34 px, 0.3 % of the picture. "
        "Region 2 is at the lower right: 9 x 19 px, 0.1 % of the picture.",
        regions=(first, second),
        media="a",
    )
    ledger.add(
        tool="measure",
        statement="Region 1 is darker than normal there (-3.1 sigma) and has more contrast (+2.4 sigma).",
        quantities=(
            Quantity(name="brightness", value=-3.12, unit="sigma", normal=(-1.6, 1.7), p_value=0.04),
            Quantity(name="contrast", value=2.41, unit="sigma", normal=(-1.5, 1.5), p_value=0.04),
        ),
        regions=(first,),
        media="a",
    )
    ledger.add(
        tool="repair",
        statement="With region 1 replaced by normal content the score falls from 7.9 to 3.1, below the limit of 4.2.",
        quantities=(
            Quantity(name="score", value=7.912),
            Quantity(name="score after repair", value=3.08),
            Quantity(name="threshold", value=4.203),
        ),
        regions=(first,),
        media="a",
    )
    ledger.add(
        tool="cannot_tell",
        statement="No model that names defects is loaded, so I cannot say what it is called.",
        kind="limit",
        media="a",
    )
    return ledger


def reasons(ledger: Ledger, text: str, *ids: str, kind: str = "what") -> tuple[str, ...]:
    return check(Claim(text=text, kind=kind, evidence=ids), ledger)


HOLDS = [
    ("Anomalous: it scores 7.9, above the limit of 4.2.", ["E1"]),
    ("The score is 7.91.", ["E1"]),  # finer precision than printed, still the measured value
    ("The score is 8.", ["E1"]),  # coarser
    ("It is anomalous.", ["E1"]),
    ("It is not normal.", ["E1"]),
    ("The part is defective, because it scores 7.9 and the limit is 4.2.", ["E1"]),
    ("The score of 7.9 exceeds the threshold.", ["E1"]),  # the limit itself is looked up
    ("Fewer than 1 in 320 good pictures score as high.", ["E1"]),  # 1 in 321 is fewer
    ("Two regions stand out.", ["E2"]),
    ("Region 1 is at the top left and covers 0.3 % of the picture.", ["E2"]),  # top is upper
    ("Region 2 is at the lower right.", ["E2"]),
    ("It is darker by 3.1 sigma.", ["E3"]),  # the word carries the sign
    ("The brightness is outside the normal range.", ["E3"]),
    ("The score falls from 7.9 to 3.1.", ["E4"]),
    ("The score drops to 3.1, below the threshold of 4.2.", ["E4"]),
    ("I cannot say what it is called.", ["E5"]),
    ("Anomalous: it scores 7.9 [E1].", ["E1"]),  # citations in the text are no numbers
]

FAILS = [
    ("", ["E1"], "says nothing"),
    ("It is anomalous.", [], "cites no evidence"),
    ("It is anomalous.", ["E9"], "E9"),
    ("It scores 8.9, above the limit of 4.2.", ["E1"], "8.9"),
    ("It scores 4.2, the limit is 7.9.", ["E1"], "4.2"),  # the right numbers, the wrong way round
    ("It scores 7.9, below the limit of 4.2.", ["E1"], "not below"),
    ("The score of 7.9 is less than the threshold.", ["E1"], "not below"),
    ("It is normal.", ["E1"], "normal"),
    ("It is not anomalous.", ["E1"], "normal"),
    ("Normal: it scores 7.9.", ["E1"], "normal"),
    ("Fewer than 1 in 1000 good pictures score as high.", ["E1"], "1"),
    ("Three regions stand out.", ["E2"], "three"),
    ("Region 1 is at the lower left.", ["E2"], "lower"),
    ("Region 1 is at the lower right.", ["E2"], "lower"),  # that is region 2
    ("Region 1 covers 0.1 % of the picture.", ["E2"], "0.1"),  # that is region 2
    ("Region 3 stands out.", ["E2"], "3"),
    ("It is brighter by 3.1 sigma.", ["E3"], "brighter"),
    ("It is darker (+3.1 sigma).", ["E3"], "3.1"),
    ("It is darker by 3.1 %.", ["E3"], "3.1"),  # the unit is part of the claim
    ("The brightness is normal.", ["E3"], "brightness"),
    ("The score rises from 7.9 to 3.1.", ["E4"], "rises"),
    ("The score falls from 3.1 to 7.9.", ["E4"], "falls"),
    ("It is darker by 3.1 sigma.", ["E4"], "darker"),  # swapped evidence
    ("It is a scratch.", ["E3"], "scratch"),
    ("It was caused by a worn tool.", ["E1"], "caused"),
    ("There is a bicycle at the upper left.", ["E2"], "bicycle"),
    ("I can say what it is called.", ["E5"], "denial"),
    ("C'est une anomalie.", ["E1"], "anomalie"),
    ("<script>alert(1)</script>", ["E1"], "script"),
    ("It is anomalous. " * 60, ["E1"], "longer"),
]


@pytest.mark.parametrize(("text", "ids"), HOLDS)
def test_true_claim_holds(ledger, text, ids):
    assert reasons(ledger, text, *ids) == ()


@pytest.mark.parametrize(("text", "ids", "part"), FAILS)
def test_false_claim_fails_and_says_why(ledger, text, ids, part):
    found = reasons(ledger, text, *ids)
    assert found and part in " ".join(found)


def test_statements_bear_themselves(ledger):
    for entry in ledger:
        assert reasons(ledger, entry.statement, entry.id) == ()


def test_verdict_is_recomputed_from_the_numbers_not_read_off():
    lying = Ledger()
    lying.add(
        tool="score",
        statement="Normal: it scores 7.9.",
        verdict="normal",
        quantities=(
            Quantity(name="score", value=7.9, p_value=0.003),
            Quantity(name="threshold", value=4.2),
            Quantity(name="alpha", value=0.01),
        ),
    )
    assert reasons(lying, "It is normal.", "E1")


def test_verdict_kind_needs_evidence_of_a_verdict(ledger):
    assert reasons(ledger, "Region 1 stands out.", "E2", kind="verdict")


@pytest.fixture
def clip() -> Ledger:
    """Two events: one with its path, which has two places, and one with its speed."""
    ledger = Ledger()
    ends = [
        Region(label="event 1", box=box, score=3, peak=(1, 1), area_share=0.1, place=(place,), frames=(10, 119, at))
        for box, place, at in (((0, 0, 9, 9), "upper left", 10), ((90, 90, 99, 99), "lower right", 119))
    ]
    second = Region(label="event 2", box=(40, 40, 50, 60), score=2, peak=(45, 50), area_share=0.1, place=("centre",))
    events = [
        Event(label="event 1", start=1.0, end=11.9, peak=9.4, score=3, tracks=(4,), region=ends[1]),
        Event(label="event 2", start=2.0, end=5.0, peak=2.5, score=2, tracks=(7,), region=second),
    ]
    ledger.add(
        tool="timeline",
        statement="Two events stand out, the strongest first. Event 1: from 1.0 s to 11.9 s, strongest at 9.4 s. "
        "Event 2: from 2.0 s to 5.0 s, strongest at 2.5 s.",
        quantities=(Quantity(name="events", value=2),),
        regions=(ends[1], second),
        events=tuple(events),
    )
    ledger.add(
        tool="track",
        statement="The thing in event 1 is first seen at 1.0 s, upper left, and last at 11.9 s, lower right.",
        quantities=(Quantity(name="first seen", value=1, unit="s"), Quantity(name="last seen", value=11.9, unit="s")),
        regions=tuple(ends),
        events=(events[0],),
    )
    ledger.add(
        tool="measure",
        statement="Event 2 moves at 1.2 body heights a second, normally 0.45 body heights a second at most.",
        quantities=(Quantity(name="speed", value=1.2, unit="body heights a second", normal=(0.1, 0.45)),),
        regions=(second,),
        events=(events[1],),
    )
    return ledger


@pytest.mark.parametrize(
    ("text", "cited", "part"),
    [
        ("Event 1: from 1.0 s to 11.9 s, strongest at 9.4 s.", "E1", ""),
        ("Event 1: from 1 second to 12 seconds.", "E1", ""),  # coarser
        ("Event 1: from 1.0 s to 13.9 s, strongest at 9.4 s.", "E1", "13.9 s"),
        ("Event 2: from 1.0 s to 11.9 s, strongest at 9.4 s.", "E1", "11.9 s"),  # those of event 1
        ("Event 3: from 1.0 s to 11.9 s.", "E1", "3"),
        ("Event 1: from 1.0 to 11.9.", "E1", "11.9"),  # the unit is part of the claim
        ("Three events stand out.", "E1", "three"),
        ("One event stands out.", "E1", "one"),
        ("The thing in event 1 is last at 11.9 s, lower right.", "E2", ""),
        ("The thing in event 1 is last at 11.9 s, upper right.", "E2", ""),  # the words of both ends; not told apart
        ("The thing in event 1 is last at 11.9 s, centre.", "E2", "centre"),
        ("The thing in event 2 is first seen at 1.0 s.", "E2", "2"),
        ("Event 2 moves at 1.2 body heights a second.", "E3", ""),
        ("Event 2 moves at 1.2 s.", "E3", "1.2 s"),
        ("Event 1 moves at 1.2 body heights a second.", "E3", "1"),
        ("Event 2 moves at 1.2 body heights a second, normally 0.55 body heights a second at most.", "E3", "0.55"),
        ("Event 2 moves at 0.45 body heights a second.", "E3", "0.45"),  # that is what is normal
        ("Normally 1.2 body heights a second.", "E3", "1.2"),
    ],
)
def test_events_times_and_speeds(clip, text, cited, part):
    found = " ".join(reasons(clip, text, cited))
    assert part in found if part else not found


def test_statements_about_clips_bear_themselves(clip):
    for entry in clip:
        assert reasons(clip, entry.statement, entry.id) == ()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Person rides bicycle: 0 of 27,565 normal triplets.", True),
        ("Person rides bicycle: 27,565 of 0 normal triplets.", False),
        ("Things move at 0.00 to 0.45 body heights a second.", True),
        ("Things move at 0.45 to 0.00 body heights a second.", False),
        ("The speed falls from 0.45 to 0.00 body heights a second.", True),
    ],
)
def test_a_part_is_no_larger_than_its_whole_and_a_range_runs_upwards(text, holds):
    ledger = Ledger()
    ledger.add(
        tool="relate",
        statement=text,
        quantities=(
            Quantity(name="triplets", value=0),
            Quantity(name="triplets", value=27565),
            Quantity(name="slowest", value=0.0, unit="body heights a second"),
            Quantity(name="fastest", value=0.45, unit="body heights a second"),
        ),
        media="a",
    )
    reasons = check(Claim(text=text, kind="why", evidence=("E1",)), ledger)
    assert (reasons == ()) == holds, reasons


@pytest.mark.parametrize("unit", ["", " %", " body heights"])
def test_a_range_runs_upwards_whether_or_not_its_start_has_a_unit(unit: str) -> None:
    ledger = Ledger()
    quantity = Quantity(name="sharpness", value=9, unit=unit.strip(), normal=(4, 7))
    ledger.add(tool="refute", statement=f"The sharpness is normally 4{unit} to 7{unit}.", quantities=(quantity,))
    right, turned = (
        check(
            Claim(text=f"The sharpness is normally {low}{unit} to {high}{unit}.", kind="what", evidence=("E1",)), ledger
        )
        for low, high in ((4, 7), (7, 4))
    )
    assert right == ()
    assert len(turned) == 1 and turned[0].endswith(" is the wrong way round")
