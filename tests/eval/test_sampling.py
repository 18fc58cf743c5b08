"""Which items are gone through: limits, shards."""

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.errors import XadError
from xad_agent.eval.batch import Batch
from xad_agent.eval.sampling import Shard, check_limit, drawn

kinds = st.lists(st.sampled_from(["good", "cut", "dent"]), min_size=1, max_size=30)


def samples(of):
    return [SimpleNamespace(name=str(place), kind=kind) for place, kind in enumerate(of)]


@given(kinds, st.integers(1, 5), st.integers(0, 3))
def test_a_limit_is_of_each_kind_and_keeps_the_order(of, limit, seed):
    chosen = drawn(samples(of), limit, seed)
    assert Counter(one.kind for one in chosen) == {kind: min(count, limit) for kind, count in Counter(of).items()}
    assert [int(one.name) for one in chosen] == sorted(int(one.name) for one in chosen)
    assert chosen == drawn(samples(of), limit, seed)


@given(kinds, st.integers(1, 5))
def test_shards_part_a_set(of, count):
    parts = [Batch(output="kept", limit=4, shard=Shard(n + 1, count)).chosen(samples(of)) for n in range(count)]
    names = [one.name for part in parts for one in part]
    assert sorted(names, key=int) == [one.name for one in Batch(limit=4).chosen(samples(of))]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "1/2/3", "-1/2", "a/b", "1 / 2"])
def test_what_is_no_shard_is_named(text):
    with pytest.raises(XadError, match="give I/N") as caught:
        Shard.parse(text)
    assert caught.value.exit_code == 2


def test_a_shard_needs_a_folder_and_a_limit_something_to_take():
    with pytest.raises(XadError, match="that all shards share"):
        Batch(shard=Shard.parse("1/2"))
    for wrong in (0, -1):
        with pytest.raises(XadError, match="take 1 or more"):
            check_limit(wrong)
