"""What holds of every clip, with frames that exist only as their numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xad_agent.errors import XadError
from xad_agent.media.clip import Clip, Reel, numbered, spread


class Numbers(Reel):
    """Frame n is a 1 x 2 picture of n."""

    def read(self, wanted):
        for place in wanted:
            yield np.full((1, 2, 3), place, np.uint8)


def clip(count=100, fps=25.0, times=None):
    return Clip("a.mp4", 2, 1, fps, count, "0" * 64, Numbers(), times)


@given(st.integers(1, 50), st.integers(-60, 60), st.none() | st.integers(-60, 60), st.integers(1, 9))
def test_frames_are_a_slice(count, start, stop, step):
    shown = [int(pixels[0, 0, 0]) for pixels in clip(count).frames(start, stop, step)]
    assert shown == list(range(count))[start:stop:step]


@given(st.integers(1, 10_000), st.floats(0.01, 1000), st.data())
def test_the_frame_at_a_frames_time_is_that_frame(count, fps, data):
    even = clip(count, fps)
    index = data.draw(st.integers(0, count - 1))
    assert even.index_at(even.time(index)) == index
    assert even.index_at(even.duration) == count - 1
    seconds = data.draw(st.floats(0, even.duration))
    seen = even.index_at(seconds)
    assert even.time(seen) <= seconds
    assert seen == count - 1 or even.time(seen + 1) > seconds


@given(st.lists(st.floats(0.001, 100), min_size=0, max_size=30), st.data())
def test_the_same_with_times_of_their_own(gaps, data):
    times = np.cumsum([0, *gaps])
    uneven = clip(len(times), 10, times)
    index = data.draw(st.integers(0, len(times) - 1))
    assert uneven.time(index) == times[index]
    assert uneven.index_at(float(times[index])) == index
    assert uneven.index_at(uneven.duration) == len(times) - 1


def test_a_frame_is_a_picture_with_its_number_in_the_name():
    picture = clip().frame(12)
    assert picture.name == "a.mp4 frame 12"
    assert picture.pixels.tolist() == [[[12] * 3] * 2]
    for index in (-1, 100):
        with pytest.raises(XadError, match=rf"a\.mp4 has frames 0 to 99: there is no frame {index}"):
            clip().frame(index)


def test_times_beyond_the_clip():
    for seconds in (4.01, -0.1, float("nan")):
        with pytest.raises(XadError, match=r"a\.mp4 lasts 4\.0 s: there is no frame at"):
            clip().index_at(seconds)
    with pytest.raises(XadError, match="step between frames is 0"):
        clip().frames(step=0)


def test_a_clip_cannot_be_changed():
    with pytest.raises(AttributeError):
        clip().fps = 10


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([7], "frame 7"),
        ([40, 12, 14, 13], "frames 12-14, 40"),
        (range(0, 16, 2), "frames 0, 2, 4, 6, 8 and 3 more"),
        ([0, 2, 4, 6, 8, 10, 11], "frames 0, 2, 4, 6, 8 and 2 more"),
    ],
)
def test_numbered(numbers, text):
    assert numbered("frame", numbers) == text


@given(st.integers(1, 500), st.integers(1, 20))
def test_frames_are_spread_evenly(count, most):
    frames = spread(count, most)
    assert len(frames) == min(count, most) and frames[0] >= 0 and frames[-1] < count
    gaps = np.diff([-1 - frames[0], *frames, 2 * count - 1 - frames[-1]])  # as far from the ends as from each other
    assert gaps.max() - gaps.min() <= 2
    assert spread(count, 0) == []
