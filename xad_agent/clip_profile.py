"""`ClipProfile`: what normal looks like to a fixed camera, learned from normal clips, saved as a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from xad_agent.calibration import Calibration
from xad_agent.defaults import STEPS
from xad_agent.detectors.attributes import ATTRIBUTES, AttributeDetector, Strangeness, Usual
from xad_agent.detectors.densities import Surplus
from xad_agent.detectors.naming import Namer
from xad_agent.detectors.scene_graph import SceneGraph
from xad_agent.errors import XadError
from xad_agent.exemplars import Exemplar, choose, strip, views
from xad_agent.llm.sentences import embed
from xad_agent.media import Clip, Picture, read_clips
from xad_agent.perception.appearance import Appearance
from xad_agent.perception.background import Background
from xad_agent.perception.eyes import Eyes, learn_eyes
from xad_agent.perception.objects import load_objects
from xad_agent.perception.observing import placed_triplets, with_interactions
from xad_agent.perception.perspective import Perspective
from xad_agent.perception.pose import load_pose
from xad_agent.perception.sightings import Places, Sightings, watch
from xad_agent.perception.watched import Watched
from xad_agent.perception.zones import Polygon, read_zones
from xad_agent.profile import DEFAULT_BACKBONE, Profile, backbone_of, check_alpha, check_detectors, name_of
from xad_agent.profile_store import Stored, arrays_below, read_folder, write_folder
from xad_agent.progress import Progress, part, tell

if TYPE_CHECKING:
    from xad_agent.foresight import Foresight

DETECTORS = ("vqunet",)
STRETCH_SECONDS = 5.0
_LOOKED, _WATCHED = 0.15, 0.8  # of the time of a fit: until the camera is known, and until the clips were watched


class ClipProfile(Profile):
    """What normal looks like to one camera, with everything a tool needs to contrast a clip with it.

    Attributes:
        name, skipped: See `Profile`.
        shape: Height and width of the camera's pictures, px.
        eyes: What clips are looked at with.
        normal: What was seen in the normal clips.
        detector: Judges what is seen in a clip.
        calibration: What its scores mean, by the highest score of each stretch of five seconds of the normal clips,
            each of which is judged by the others.
        scene_graph: The relations of normal clips with their counts; None where none was seen.
        vqunet: Where it was asked for; it has its own scores and limits, which do not enter the verdict.
        exemplars: Normal things, each shown over a moment.
        views: Whole normal frames, see `exemplars.views`; at least one.
    """

    kind = "clip"

    def __init__(
        self,
        name: str,
        shape: tuple[int, int],
        eyes: Eyes,
        normal: Sequence[Sightings],
        detector: AttributeDetector,
        calibration: Calibration,
        exemplars: Sequence[Exemplar],
        views: Sequence[Picture],
        skipped: dict[str, str],
        scene_graph: SceneGraph | None = None,
        vqunet: "Foresight | None" = None,
    ):
        self.name, self.shape, self.eyes, self.normal = name, shape, eyes, tuple(normal)
        self.detector, self.calibration, self.scene_graph = detector, calibration, scene_graph
        self.exemplars, self.views = tuple(exemplars), views
        self.skipped, self.vqunet = skipped, vqunet

    @classmethod
    def fit(
        cls,
        normal: Any,
        alpha: float = 0.01,
        backbone: str = DEFAULT_BACKBONE,
        seed: int = 0,
        progress: Progress = True,
        detectors: Sequence[str] = (),
        checkpoint: Path | None = None,
        steps: int = STEPS,
        zones: str | Path | None = None,
    ) -> "ClipProfile":
        """Learn from normal clips of one camera; see `Profile.fit`."""
        from xad_agent.perception.backbone import load_backbone

        check_alpha(alpha)
        check_detectors(detectors, DETECTORS)
        clips, skipped = _readable(normal)
        shape = (clips[0].height, clips[0].width)
        named = {} if zones is None else read_zones(zones, shape)
        tell(progress, 0, "learning the camera's view")
        eyes = replace(
            learn_eyes(clips, load_objects()),
            appearance=Appearance(load_backbone(backbone)),
            pose=load_pose(),
            zones=named,
        )
        watching = Watched(eyes, checkpoint and checkpoint / "sightings")
        ends = np.linspace(_LOOKED, _WATCHED, len(clips) + 1).tolist()
        watched = [watching.watch(clip, part(progress, *ends[n : n + 2])) for n, clip in enumerate(clips)]
        tell(progress, _WATCHED, "learning what is usual")
        usual = usual_names(watched)
        placed = [placed_triplets(one, eyes, usual) for one in watched]
        seen = [with_interactions(one, eyes, relations) for one, relations in zip(watched, placed, strict=True)]
        detector, judged = AttributeDetector.fit(seen)
        calibration = calibrate(seen, judged, alpha)
        triplets = [[triplet for triplet, _ in relations] for relations in placed]
        graph = SceneGraph.fit(triplets, embed, seed) if any(triplets) else None
        vqunet = None
        if "vqunet" in detectors:
            from xad_agent.foresight import Foresight

            vqunet = Foresight.fit(
                clips, seen, alpha, steps, seed, checkpoint and checkpoint / "vqunet.safetensors", progress is True
            )
        chosen = choose(seen, detector.usual, seed)
        exemplars = [Exemplar(at, row, strip(clips[at], seen[at], row)) for at, row in chosen]
        name, shown = name_of(normal), views(clips)
        return cls(name, shape, eyes, seen, detector, calibration, exemplars, shown, skipped, graph, vqunet)

    def at(self, alpha: float) -> Self:
        """See `Profile.at`; the limits of VQU-Net go with it."""
        other = super().at(alpha)
        other.vqunet = self.vqunet and self.vqunet.at(alpha)
        return other

    @property
    def zones(self) -> Mapping[str, Polygon]:
        """See `Profile.zones`."""
        return self.eyes.zones

    def rules(self) -> tuple[str, ...]:
        """What is normal here: how things move, where they are seen, what they are called and not, how they relate."""
        from xad_agent import clip_usual

        parts = [statement for statement, _ in clip_usual.usual(self)]
        parts.insert(1, clip_usual.pace(self)[0])
        return tuple(filter(None, (*parts, clip_usual.zones(self))))

    @property
    def fitted(self) -> int:
        """How many clips it was fitted on."""
        return len(self.normal)

    @property
    def seconds(self) -> float:
        """How long the normal clips are altogether."""
        return float(sum(seen.frames / seen.fps for seen in self.normal))

    @cached_property
    def usual_names(self) -> np.ndarray:
        """What the detector says of normal things, see `Surplus`, (classes,)."""
        return usual_names(self.normal)

    @cached_property
    def namer(self) -> Namer:
        """Names things by contrast with the normal clips."""
        return Namer(self.eyes.objects.names, self.usual_names, self.normal)

    @cached_property
    def usual_scores(self) -> np.ndarray:
        """What the namer gives normal things, see `Surplus`, (its classes,)."""
        return Surplus(np.concatenate([self.namer.scores(seen, self.judge(seen)) for seen in self.normal])).usual

    def watch(self, clip: Clip, places: Places | None = None) -> Sightings:
        """What is seen in a clip, or in known places of it; notes say where it does not fit the profile's camera."""
        seen = self._watched(clip, places)
        return with_interactions(seen, self.eyes, placed_triplets(seen, self.eyes, self.usual_names))

    def _watched(self, clip: Clip, places: Places | None) -> Sightings:
        if (clip.height, clip.width) == self.shape:
            return watch(clip, self.eyes, places=places)
        tile = None if self.eyes.tile is None else round(self.eyes.tile * clip.height / self.shape[0])
        seen = watch(clip, replace(self.eyes, background=None, tile=tile), places=places)
        size = f"{clip.width} x {clip.height} px, the profile's are {self.shape[1]} x {self.shape[0]}"
        notes = (*seen.notes, f"the clip's frames are {size}: another camera or size, so places may not correspond")
        return replace(seen, notes=notes)

    def judge(self, seen: Sightings) -> Strangeness:
        """How strange what was seen is."""
        return self.detector.judge(seen)

    def summary(self) -> str:
        """One or two sentences for people."""
        calibration, seen = self.calibration, sum(map(len, self.normal))
        text = (
            f"Profile {self.name}: fitted on {self.fitted} normal clips, {self.seconds:.0f} s, {seen:,} sightings; "
            f"threshold {calibration.threshold():.3g} for {100 * calibration.alpha:.3g} % false alarms."
        )
        if not calibration.reliable:
            needed = int(np.ceil(1 / calibration.alpha)) - 1
            text += (
                f" With so few clips false alarms may be as frequent as 1 in {calibration.n + 1} stretches of "
                f"{STRETCH_SECONDS:g} s; {needed} are needed for {100 * calibration.alpha:.3g} %."
            )
        if self.vqunet:
            text += f" {self.vqunet.summary()}"
        if self.skipped:
            text += f" Skipped {len(self.skipped)} that could not be used: {', '.join(list(self.skipped)[:3])}."
        return text

    def save(self, directory: str | Path) -> None:
        """See `Profile.save`."""
        graph, graph_arrays = self.scene_graph.state() if self.scene_graph else (None, {})
        vqunet, vqunet_arrays = self.vqunet.state() if self.vqunet else (None, {})
        stored = Stored(
            kind="clips",
            name=self.name,
            backbone=self.eyes.appearance.backbone.spec if self.eyes.appearance else "",
            fingerprint=self.eyes.appearance.backbone.fingerprint if self.eyes.appearance else "",
            detector={
                "name": "attributes",
                "shape": list(self.shape),
                "tile": self.eyes.tile,
                "zones": {zone: [list(corner) for corner in corners] for zone, corners in self.eyes.zones.items()},
                "perspective": asdict(self.eyes.perspective),
                "usual": {name: list(values) for name, values in self.detector.usual.items()},
                "clips": [seen.state()[0] for seen in self.normal],
                "scene_graph": graph,
                "vqunet": vqunet,
                "exemplars": [[one.clip, one.row] for one in self.exemplars],
            },
            alpha=self.calibration.alpha,
            level=self.calibration.level,
            floor=self.calibration.floor,
            fitted=self.fitted,
            skipped=self.skipped,
            exemplars=[one.shown.name for one in self.exemplars],
            views=[view.name for view in self.views],
        )
        arrays: dict[str, np.ndarray] = {"scores": self.calibration.scores}
        if self.eyes.background is not None:
            arrays["background"] = self.eyes.background.image
        for number, seen in enumerate(self.normal):
            arrays |= {f"{number}.{name}": array for name, array in seen.state()[1].items()}
        arrays |= {f"graph.{name}": array for name, array in graph_arrays.items()}
        arrays |= {f"vqunet.{name}": array for name, array in vqunet_arrays.items()}
        shown = [one.shown.pixels for one in self.exemplars]
        write_folder(Path(directory), stored, arrays, shown, [view.pixels for view in self.views])

    @classmethod
    def load(cls, directory: str | Path) -> "ClipProfile":
        """Read a saved profile of clips; see `Profile.load`."""
        folder = Path(directory)
        stored, arrays, pictures, shown = read_folder(folder)
        try:
            if not shown:
                raise ValueError("it has no views")
            settings = stored.detector
            shape = (int(settings["shape"][0]), int(settings["shape"][1]))
            background = Background(arrays["background"]) if "background" in arrays else None
            perspective, tile = Perspective(**settings["perspective"]), settings["tile"]
            zones = {str(zone): [(float(x), float(y)) for x, y in at] for zone, at in settings["zones"].items()}
            eyes = Eyes(load_objects(), perspective, background, tile, zones=zones)
            normal = [
                Sightings.from_state(clip, arrays_below(f"{number}.", arrays))
                for number, clip in enumerate(settings["clips"])
            ]
            usual = {a.name: Usual(*map(float, settings["usual"][a.name])) for a in ATTRIBUTES}
            exemplars = [
                Exemplar(int(clip), int(row), picture)
                for (clip, row), picture in zip(settings["exemplars"], pictures, strict=True)
            ]
            calibration = Calibration(arrays["scores"], stored.level, stored.floor, stored.alpha)
            detector = AttributeDetector(normal, usual)
            graph = _loaded_graph(settings["scene_graph"], arrays)
            vqunet = _loaded_vqunet(settings["vqunet"], arrays, stored.alpha)
            if stored.backbone:
                eyes = replace(eyes, appearance=Appearance(backbone_of(stored, folder)), pose=load_pose())
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise XadError(f"the profile {folder} is damaged ({error}): fit it again") from error
        skipped = stored.skipped
        return cls(stored.name, shape, eyes, normal, detector, calibration, exemplars, shown, skipped, graph, vqunet)


def calibrate(normal: Sequence[Sightings], judged: Sequence[Strangeness], alpha: float) -> Calibration:
    """What scores of stretches mean, from normal clips and how strange each is to the others."""
    scores = [judgement.of_frames(seen) for judgement, seen in zip(judged, normal, strict=True)]
    maxima = [stretch_maxima(values, seen.fps) for values, seen in zip(scores, normal, strict=True)]
    return Calibration.from_maps(np.concatenate(maxima), scores, alpha)


def stretch_maxima(scores: np.ndarray, fps: float) -> np.ndarray:
    """The highest of each stretch of about five seconds, (stretches,); a shorter clip is one stretch."""
    parts = max(1, round(len(scores) / (STRETCH_SECONDS * fps)))
    return np.array([part.max() for part in np.array_split(scores, parts)])


def usual_names(normal: Sequence[Sightings]) -> np.ndarray:
    """What the detector says of normal things, see `Surplus`, (classes,)."""
    return Surplus(np.concatenate([seen.scores for seen in normal])).usual


def _loaded_graph(settings: dict[str, Any] | None, arrays: dict[str, np.ndarray]) -> SceneGraph | None:
    if settings is None:
        return None
    return SceneGraph.from_state(settings, arrays_below("graph.", arrays), embed)


def _loaded_vqunet(settings: dict[str, Any] | None, arrays: dict[str, np.ndarray], alpha: float) -> "Foresight | None":
    if settings is None:
        return None
    from xad_agent.foresight import Foresight

    return Foresight.from_state(settings, arrays_below("vqunet.", arrays), alpha)


def _readable(normal: Any) -> tuple[list[Clip], dict[str, str]]:
    clips: list[Clip] = []
    skipped: dict[str, str] = {}
    for place, read in read_clips(normal):
        if isinstance(read, XadError):
            skipped[str(place)] = str(read)
        elif clips and (read.height, read.width) != (clips[0].height, clips[0].width):
            first = f"{clips[0].width} x {clips[0].height}"
            skipped[str(place)] = f"{read.name} is {read.width} x {read.height} px, the first clip {first}"
        else:
            clips.append(read)
    if not clips:
        first_reason = next(iter(skipped.values()), "nothing was named")
        raise XadError(f"no clip could be used to learn from ({len(skipped)} could not be read; {first_reason})")
    return clips, skipped
