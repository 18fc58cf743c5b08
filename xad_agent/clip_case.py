"""`ClipCase`: one clip under question, and everything measured of it once."""

from functools import cached_property
from typing import Any

import numpy as np

from xad_agent.clip_profile import ClipProfile
from xad_agent.detectors.attributes import Strangeness
from xad_agent.events import clip_score, find_events
from xad_agent.evidence import Event, Evidence, Ledger, Region
from xad_agent.exemplars import nearest
from xad_agent.media import Clip, Picture
from xad_agent.perception.models import Models
from xad_agent.perception.sightings import Sightings

_BESIDE_ALPHA = {"seen", "judged", "frame_scores", "score"}


class ClipCase:
    """What the tools share while they look at one clip.

    Args:
        clip: The clip asked about.
        profile: What normal looks like; None when no normal clip is known. Then the clip is compared with itself, and
            nothing is calibrated.
        ledger: Where the evidence goes; shared by all cases of one conversation.
        models: The models that need a checkpoint; those that `xad models use` chose by default.
    """

    def __init__(self, clip: Clip, profile: ClipProfile | None, ledger: Ledger, models: Models | None = None):
        self.clip = clip
        self.profile = profile
        self.ledger = ledger
        self.models = models or Models()

    def take_over(self, other: object) -> None:
        """Take over what another case measured of the same clip by a profile like this, whatever its alpha."""
        if not isinstance(other, ClipCase) or other.media != self.media:
            return
        if self.profile and self.profile.like(other.profile):
            vars(self).update({name: vars(other)[name] for name in _BESIDE_ALPHA & vars(other).keys()})

    @property
    def shown(self) -> Clip:
        """What is asked about."""
        return self.clip

    @property
    def media(self) -> str:
        """sha256 of what is asked about."""
        return self.clip.sha256

    @property
    def detector(self) -> str:
        """What judges it."""
        return "attributes"

    @property
    def used(self) -> dict[str, str]:
        """What judged it, and the checkpoint that things were looked for with."""
        looked = ("find", "observation", self.media)
        found = any((entry.tool, entry.kind, entry.media) == looked for entry in self.ledger)
        return {"detector": self.detector, **({"finder": self.models.specs["finder"]} if found else {})}

    @property
    def label_scores(self) -> dict[str, float]:
        """For every class of the namer its highest score in an event, in strangeness; 0 where there is no event."""
        classes = self.reference.namer.classes
        scores = np.max([np.zeros(len(classes)), *map(self.class_scores, self.events)], axis=0)
        return {name: float(value) for name, value in zip(classes, scores, strict=True)}

    def class_scores(self, event: Event) -> np.ndarray:
        """What the namer gives an event's thing, (classes,): the mean over its sightings, weighted by strangeness."""
        rows = self.rows(event)
        strange = np.maximum(self.judged.combined[rows], 0)
        return strange @ self._named[rows] / max(float(strange.sum()), 1e-6)

    @cached_property
    def _named(self) -> np.ndarray:
        return self.reference.namer.scores(self.seen, self.judged)

    @cached_property
    def reference(self) -> ClipProfile:
        """What the clip is judged by: the profile or, without one, itself."""
        return self.profile or ClipProfile.fit([self.clip], progress=False)

    @cached_property
    def seen(self) -> Sightings:
        """What is seen in the clip."""
        return self.profile.watch(self.clip) if self.profile is not None else self.reference.normal[0]

    @property
    def doubt(self) -> str:
        """Why it cannot be called normal although nothing stands out, "" where it can."""
        if not self.seen.motion_known:
            return "how things move could not be judged, and nothing else stands out"
        return "it does not show the view of the normal clips, and nothing stands out" if self.seen.other_view else ""

    @cached_property
    def judged(self) -> Strangeness:
        """How strange that is."""
        return self.reference.judge(self.seen)

    @cached_property
    def frame_scores(self) -> np.ndarray:
        """float32 (frames,)."""
        return self.judged.of_frames(self.seen)

    @cached_property
    def score(self) -> float:
        """Of the whole clip."""
        return clip_score(self.seen, self.judged)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What stands out, the strongest first."""
        return find_events(self.seen, self.judged, self.reference.calibration, self.clip.time)

    @cached_property
    def timeline(self) -> np.ndarray:
        """Its score over time with the limit and the events, as evidence shows it: RGB uint8, see `timeline_plot`."""
        from xad_agent.media.time_plots import timeline_plot

        return timeline_plot(self).pixels

    @property
    def regions(self) -> tuple[Region, ...]:
        """Where each event is at its peak."""
        return tuple(event.region for event in self.events)

    @property
    def nearest_normal(self) -> Picture | None:
        """The normal thing most like that of the strongest event, or a normal frame; None without a profile."""
        if self.profile is None:
            return None
        usual = self.profile.detector.usual
        for event in self.events[:1]:
            like = nearest(self.profile.exemplars, self.profile.normal, usual, self.seen, self.rows(event))
            if like is not None:
                return like.exemplar.shown
        return self.profile.views[0]

    def event(self, number: int) -> Event | None:
        """Event `number`, counted from 1; None when there are fewer."""
        return self.events[number - 1] if 1 <= number <= len(self.events) else None

    def rows(self, event: Event) -> np.ndarray:
        """The sightings of the thing that an event is about, in the order of time, within the event."""
        first, last, _ = event.region.frames or (0, self.seen.frames - 1, 0)
        inside = (self.seen.frame >= first) & (self.seen.frame <= last)
        return np.flatnonzero(inside & np.isin(self.seen.track, event.tracks))

    def measured(self, tool: str, arguments: dict[str, Any]) -> Evidence | None:
        """What the tool has already measured of this clip with these arguments; None when it has not."""
        return self.ledger.find(tool, arguments, self.media)
