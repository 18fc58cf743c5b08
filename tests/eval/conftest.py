"""Evaluation on small sets."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def few_resamples() -> Iterator[None]:
    """Here intervals are to be there, and in order; where they are tested themselves, this is overridden."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xad_agent.eval.intervals.RESAMPLES", 40)
        yield
