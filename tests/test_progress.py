"""How far work is: told in shares that only grow, and ended by whoever is told."""

import pytest

from xad_agent.progress import followed, part, tell


def test_parts_of_the_work_bring_the_whole_from_start_to_end() -> None:
    told: list[tuple[float, str]] = []
    whole = lambda share, what: told.append((share, what))  # noqa: E731
    tell(whole, 0, "looking")
    assert list(followed("ab", 2, "reading", part(whole, 0.2, 0.6))) == ["a", "b"]
    assert list(followed("c", 1, "comparing", part(whole, 0.6, 1))) == ["c"]
    assert [what for _, what in told] == [
        "looking", "reading, 1 of 2", "reading, 2 of 2", "reading", "comparing, 1 of 1", "comparing",
    ]  # fmt: skip
    assert [share for share, _ in told] == pytest.approx([0, 0.2, 0.4, 0.6, 0.6, 1])


def test_who_is_told_may_end_it() -> None:
    done = []

    def enough(share: float, what: str) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        for item in followed(range(4), 4, "reading", enough):
            done.append(item)
    assert done == [0, 1]


@pytest.mark.parametrize(("shown", "bar"), [(True, "reading: "), (False, "")])
def test_a_bar_is_shown_or_nothing(shown: bool, bar: str, capsys: pytest.CaptureFixture[str]) -> None:
    tell(shown, 0, "looking")
    assert list(followed("ab", 2, "reading", part(shown, 0, 1))) == ["a", "b"]
    said = capsys.readouterr()
    assert said.out == ""
    assert bar in said.err and bool(said.err) == shown
