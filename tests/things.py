"""Hand-made sightings: people who walk by, and whatever else is to pass, without a frame being looked at."""

from types import SimpleNamespace

import numpy as np

from tests.crowd import unseen
from xad_agent.calibration import Calibration
from xad_agent.clip_profile import ClipProfile, stretch_maxima
from xad_agent.detectors.attributes import AttributeDetector
from xad_agent.perception.sightings import Sightings
from xad_agent.prompts import vocabulary

NAMES = tuple(vocabulary("coco"))
FRAMES, FPS, HEIGHT, WIDTH, TALL = 30, 10.0, 120, 400, 30.0
WALKER = {"speed": 0.8, "width": 0.4, "height": 1.0, "gait": 1.0, "says": {"person": 0.8}}


def thing(**how):
    """How a thing looks and moves: speed in body heights a second, width over height, height in body heights, gait, and
    what the detector says of it; what is not named is a walker's. Lists are what it is frame by frame.
    """
    return WALKER | how


def sightings(*things, name="clip", frames=FRAMES, seed=0):
    """All things pass from left to right, each on a line of its own and on one track, with a little noise."""
    random = np.random.default_rng(seed)
    rows = [row for track, one in enumerate(things) for row in _rows(track, one, frames, random)]
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]} if rows else {}
    shaped = {
        "frame": 0,
        "track": 0,
        "box": (0, 4),
        "speed": 0,
        "velocity": (0, 2),
        "gait": 0,
        "scores": (0, len(NAMES)),
    }
    given = {key: columns.get(key, np.zeros(shape)) for key, shape in shaped.items()}
    kinds = {key: int if key in ("frame", "track") else np.float32 for key in shaped}
    return Sightings(
        name=name,
        frames=frames,
        fps=FPS,
        step=1,
        shape=(HEIGHT, WIDTH),
        steady=True,
        tall=np.full(len(rows), TALL, np.float32),
        **unseen(len(rows)),
        object_frame=np.zeros(0, int),
        object_box=np.zeros((0, 4), np.float32),
        object_scores=np.zeros((0, len(NAMES)), np.float32),
        **{key: values.astype(kinds[key]) for key, values in given.items()},
    )


def _rows(track, one, frames, random):
    for frame in range(frames):
        now = {key: value[frame] if isinstance(value, list) else value for key, value in one.items()}
        speed, width, height, gait = (now[key] * random.normal(1, 0.06) for key in ("speed", "width", "height", "gait"))
        left, low, tall = 10 + now["speed"] * TALL / FPS * frame, 90 + 10 * (track % 3), height * TALL
        scores = np.zeros(len(NAMES))
        for word, score in now["says"].items():
            scores[NAMES.index(word)] = score
        yield {
            "frame": frame,
            "track": track + 1,
            "box": (left, low - tall, left + width * tall, low),
            "speed": speed,
            "velocity": (speed * TALL, 0),
            "gait": gait,
            "scores": scores,
        }


def normal():
    """Four clips of three walkers each, of whose legs the detector says skis and of one a bicycle."""
    says = [{"person": 0.85, "skis": 0.45}, {"person": 0.7, "bicycle": 0.4}, {"person": 0.8, "dog": 0.3}]
    walkers = [thing(speed=speed, says=said) for speed, said in zip((0.7, 0.8, 0.9), says, strict=True)]
    return [sightings(*walkers, name=f"normal {seed}", seed=seed) for seed in range(4)]


class ThingsProfile(ClipProfile):
    """A profile of `normal` that sees in a clip what it was told it sees, by the clip's name.

    In known places it sees all but the first thing, in the frames that have one.
    """

    def __init__(self, seen=None):
        clips = normal()
        detector, judged = AttributeDetector.fit(clips)
        scores = [one.of_frames(clip) for one, clip in zip(judged, clips, strict=True)]
        maxima = np.concatenate([stretch_maxima(values, FPS) for values in scores])
        eyes = SimpleNamespace(objects=SimpleNamespace(names=NAMES))
        calibration = Calibration.from_maps(maxima, scores, alpha=0.2)
        super().__init__("walkers", (HEIGHT, WIDTH), eyes, clips, detector, calibration, (), (), {})
        self.told = seen or {}

    def watch(self, clip, places=None):
        seen = self.told[clip.name]
        return seen if places is None else seen.only((seen.track > 1) & np.isin(seen.frame, list(places)))
