"""The models that see and need a checkpoint: which are known, which were chosen, and each loaded once.

What was chosen (`xad models use`) is kept in `home()/models.yaml`, with the sha256 of local weights.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, get_args

from xad_agent import weights
from xad_agent.errors import XadError
from xad_agent.perception.checkpoints import find_checkpoint, in_cache
from xad_agent.weights import home

if TYPE_CHECKING:
    from xad_agent.perception.clip import Clip
    from xad_agent.perception.finding import Finder
    from xad_agent.perception.masks import Segmenter
    from xad_agent.perception.vlm import Vlm

Role = Literal["clip", "prompts", "finder", "segmenter", "vlm"]
ROLES: tuple[Role, ...] = get_args(Role)
_BESIDE: tuple[Role, ...] = ("prompts",)  # of use only with another
NONE = "none"
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")
_LOCK = RLock()
_loaded: dict[tuple[Role, str], Any] = {}


@dataclass(frozen=True)
class Known:
    """A checkpoint on the hub that is known to fit; `size` in MB (10^6 bytes)."""

    name: str
    role: Role
    spec: str
    licence: str
    size: float


@dataclass(frozen=True)
class Choice:
    """What was chosen for a role.

    Attributes:
        spec: As it was given, see `find_checkpoint` and the loader of the role.
        local: The same as a folder or file on this machine, which a hub's name was fetched to.
        sha256: Of its weights when it was chosen, by their path; empty of a spec that was only named for now.
    """

    spec: str
    local: str
    sha256: Mapping[str, str]

    def changed(self) -> list[str]:
        """Which of its files are other ones than were chosen."""
        return [path for path, sha256 in self.sha256.items() if _sha256(Path(path)) != sha256]


@cache
def known() -> tuple[Known, ...]:
    """The checkpoints of `hub.yaml`."""
    import yaml

    entries = yaml.safe_load(Path(__file__).parents[1].joinpath("hub.yaml").read_text(encoding="utf-8"))
    return tuple(Known(name=name, **entry) for name, entry in entries.items())


def chosen() -> dict[Role, Choice]:
    """What `xad models use` chose, by role.

    Raises:
        XadError: The file was changed to what it cannot be.
    """
    import yaml

    file = _config()
    if not file.is_file():
        return {}
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        return {_role(role): Choice(**entry) for role, entry in entries.items()}
    except (yaml.YAMLError, TypeError, ValueError, AttributeError) as error:
        raise XadError(f"{file} cannot be read ({error}): remove it, and choose with `xad models use`") from error


def choose(role: str, spec: str) -> dict[Role, Choice]:
    """Use a checkpoint for a role from now on, or none, once it is seen to load; what is then chosen.

    Args:
        role: One of `ROLES`.
        spec: See `find_checkpoint`, the name of a known one, or "none".

    Raises:
        XadError: There is no such role, or no such checkpoint on this machine or, reachable, on the hub, or it cannot
            be loaded.
    """
    import yaml

    choices = chosen()
    choices.pop(_role(role), None)
    if spec != NONE:
        choices[_role(role)] = choice = fetch(spec)
        _load(_role(role), choice.local)
    entries = {name: {**vars(choice)} for name, choice in choices.items()}
    file = _config()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(entries, allow_unicode=True), encoding="utf-8")
    except OSError as error:
        raise XadError(f"cannot write {file} ({error.strerror or error}): set XAD_HOME to another folder") from error
    return choices


class Models:
    """The models that see, as an agent uses them.

    Args:
        specs: By role, beside what was chosen, and before it; "none" for none.
        thing: What is looked at, in a word or two ("screw"); "" where it is not known.
        words: The user's own words for what may be wrong with it ("stripped thread").

    Raises:
        XadError: There is no such role.
    """

    def __init__(self, specs: Mapping[str, str] | None = None, thing: str = "", words: Sequence[str] = ()):
        self.thing, self.words = thing, tuple(words)
        named = {_role(role): spec for role, spec in (specs or {}).items()}
        self._choices = {**chosen(), **{role: Choice(_full(spec), _full(spec), {}) for role, spec in named.items()}}
        self._choices = {role: choice for role, choice in self._choices.items() if choice.spec != NONE}

    @property
    def specs(self) -> dict[str, str]:
        """What is used, by role."""
        return {role: choice.spec for role, choice in self._choices.items()}

    def sha256(self, role: Role) -> str:
        """Of the one file of a role's weights; "" where nothing is chosen."""
        choice = self._choices.get(role)
        return "" if choice is None else _sha256(Path(choice.local.partition("@")[2]))

    @property
    def missing(self) -> tuple[Role, ...]:
        """The roles that nothing was chosen for, though it would be of use."""
        return tuple(role for role in ROLES if role not in self._choices and role not in _BESIDE)

    @property
    def clip(self) -> "Clip | None":
        """CLIP; None where none was chosen."""
        return self._get("clip")

    @property
    def prompts(self) -> Path | None:
        """The file of AnomalyCLIP's learned prompts for that CLIP; None where none was chosen."""
        return self._get("prompts")

    @property
    def finder(self) -> "Finder":
        """What finds things by name; the embedded detector of COCO's 80 classes where nothing else was chosen."""
        return self._get("finder") or _load("finder", "")

    @property
    def sees_zero_shot(self) -> bool:
        """Whether a checkpoint is chosen that judges a picture without any normal one: CLIP, or a finder with SAM."""
        finder = self._choices.get("finder")
        return "clip" in self._choices or (
            finder is not None and "segmenter" in self._choices and not _is_closed(finder.local)
        )

    @property
    def can_find(self) -> bool:
        """Whether there is a finder at all: one was chosen, or the embedded one's weights are there."""
        return self.has_own_finder or weights.has("objects")

    @property
    def has_own_finder(self) -> bool:
        """Whether a finder was chosen, which knows other things than the embedded one does."""
        return "finder" in self._choices

    @property
    def segmenter(self) -> "Segmenter":
        """What cuts things out; the embedded one where nothing else was chosen."""
        return self._get("segmenter") or _load("segmenter", "")

    @property
    def vlm(self) -> "Vlm | None":
        """A vision-language model; None where none was chosen."""
        return self._get("vlm")

    def _get(self, role: Role) -> Any:
        choice = self._choices.get(role)
        if choice is None:
            return None
        if (role, choice.local) not in _loaded and (changed := choice.changed()):
            raise XadError(f"{changed[0]} has changed since it was chosen: run `xad models use {role} {choice.spec}`")
        return _load(role, choice.local)


def _load(role: Role, spec: str) -> Any:
    """The model of a spec, or the embedded one of a role; two that ask for the same get the same."""
    with _LOCK:
        if (role, spec) not in _loaded:
            _loaded[role, spec] = _LOADERS[role](spec)
        return _loaded[role, spec]


def _clip(spec: str) -> Any:
    from xad_agent.perception.clip import load_clip

    return load_clip(spec)


def _prompts(spec: str) -> Path:
    found = find_checkpoint(spec)
    if found.architecture != "anomaly_clip":
        raise XadError(f"{spec}: learned prompts are given as anomaly_clip@FILE", exit_code=2)
    if not {"ctx_pos", "ctx_neg"} <= set(weights.load_state_dict(found.path)):
        raise XadError(f"{spec} holds no prompts that AnomalyCLIP learned: give the file that its training wrote")
    return found.path


def _finder(spec: str) -> Any:
    if not spec:
        from xad_agent.perception.coco_finder import CocoFinder
        from xad_agent.perception.objects import load_objects

        return CocoFinder(load_objects())
    if _is_closed(spec):
        from xad_agent.perception.object_detector import load_detector

        return load_detector(spec)
    from xad_agent.perception.grounding_dino import load_grounding

    return load_grounding(spec)


def _segmenter(spec: str) -> Any:
    if not spec:
        from xad_agent.perception.embedded_segmenter import EmbeddedSegmenter

        return EmbeddedSegmenter()
    from xad_agent.perception.sam import load_sam

    return load_sam(spec)


def _vlm(spec: str) -> Any:
    from xad_agent.perception.vlm import load_vlm

    return load_vlm(spec)


_LOADERS: dict[Role, Callable[[str], Any]] = {
    "clip": _clip,
    "prompts": _prompts,
    "finder": _finder,
    "segmenter": _segmenter,
    "vlm": _vlm,
}


def _is_closed(spec: str) -> bool:
    """Whether a folder or hub's name is of a detector with a fixed vocabulary."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES

    if "@" in spec:
        return False
    try:
        kind = json.loads((find_checkpoint(spec).path / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XadError(f"{spec} has no config.json that says what model it is: give a whole checkpoint") from error
    return kind in MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES


def _role(name: str) -> Role:
    for role in ROLES:
        if name == role:
            return role
    raise XadError(f"no model is used as {name!r}: there are {', '.join(ROLES)}", exit_code=2)


def _config() -> Path:
    return home() / "models.yaml"


def fetch(spec: str) -> Choice:
    """Bring a checkpoint onto this machine.

    Args:
        spec: See `find_checkpoint` and the loaders, or the name of a known one.

    Raises:
        XadError: It is not to be had.
    """
    full = _full(spec)
    package, colon, rest = full.rpartition(":")
    if (published := _published(rest)) is not None:
        return Choice(full, full, {str(published): _sha256(published)})
    found = find_checkpoint(rest)
    local = f"{found.architecture}@{found.path}" if found.architecture else str(found.path)
    inside = [found.path] if found.architecture else sorted(found.path.rglob("*"))
    files = [file for file in inside if file.is_file() and (found.architecture or file.suffix in _WEIGHTS)]
    return Choice(full, package + colon + local, {str(file): _sha256(file) for file in files})


def _published(spec: str) -> Path | None:
    """The weights of ARCHITECTURE@TAG of open_clip's registry; None where that is no tag."""
    architecture, _, tag = spec.partition("@")
    if not tag or "/" in tag or Path(tag).is_file():
        return None
    import open_clip

    from xad_agent.perception.clip_loading import find_source

    return find_source(spec).weights if open_clip.get_pretrained_cfg(architecture, tag) else None


def on_this_machine(spec: str) -> bool:
    """Whether a hub's model is in the hub client's cache."""
    return in_cache(spec.rpartition("@")[2])


def _full(spec: str) -> str:
    return next((entry.spec for entry in known() if entry.name == spec), spec)


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise XadError(f"cannot read {file} ({error.strerror or error}): bring it back, or choose another") from error
