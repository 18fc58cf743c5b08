"""The demo: something to ask about of each kind of media, and what is normal there; `make demo` and the app use it.

No package has clips of one camera, so the walkway is drawn. The defects of the cloth that a package has are specks that
the embedded backbone hardly sees, so its flaw is made here: a patch of the cloth is turned by a quarter.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from xad_agent import weights
from xad_agent.agent import Agent
from xad_agent.answer import Answer
from xad_agent.errors import XadError
from xad_agent.media import Picture, read_clip, read_picture, write_clip
from xad_agent.profile import Profile
from xad_agent.progress import Progress

WHERE_AND_WHY = "Where is the defect, and why is it one?"
WHAT_AND_WHEN = "What is wrong in this clip, and when?"
NORMAL_PICTURES, NORMAL_CLIPS = 100, 6
FLAW = (60, 130, 124, 194)  # x0 y0 x1 y1 in px of the cloth that is woven the wrong way


@dataclass(frozen=True)
class DemoCase:
    """Something to ask about.

    Attributes:
        name: In one word.
        kind: "picture" or "clip".
        title: What it shows, for people.
        question: What to ask.
        file: What the picture or clip is called.
        normal: Gives what is normal; XadError where it is not to be had.
        draw: Writes the picture or clip into a file.
    """

    name: str
    kind: str
    title: str
    question: str
    file: str
    normal: Callable[[], list[Any]]
    draw: Callable[[Path], None]

    @property
    def profile_name(self) -> str:
        """What its profile is called beside those of users."""
        return f"demo {self.name}"

    def fit(self, progress: Progress = True) -> Profile:
        """Learn what is normal; see `Profile.fit`."""
        profile = Profile.fit(self.normal(), progress=progress)
        profile.name = self.profile_name
        return profile

    def show(self, folder: Path) -> Path:
        """The picture or clip, written into a folder; XadError where that fails."""
        file = folder / self.file
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.draw(file)
        except OSError as error:
            raise XadError(f"cannot write {file} ({error.strerror or error}): choose another folder") from error
        return file


def run(folder: Path) -> None:
    """Ask about the cloth and the walkway, and leave what was asked about, overlays, reports and profiles in a folder.

    Args:
        folder: Where the results go; a profile that is already there and can be read is used again.

    Raises:
        XadError: Weights or pictures cannot be had, or the folder cannot be written.
    """
    weights.pull(["llm", "sentences", "backbone", "objects", "demo"])
    agent = Agent(profile=_profile(CLOTH, folder))
    flawed, good = CLOTH.show(folder), _cloths()[-1]
    chat = agent.chat(flawed)
    first = chat.ask(CLOTH.question)
    _show(flawed.name, first)
    _show(flawed.name, chat.ask("Would it pass if that were repaired?"))
    _show(good.name, agent.ask("Is there anything wrong with this one?", good))
    first.figure().save(folder / "answer.png")
    first.to_html(folder / "report.html")
    clip = WALKWAY.show(folder)
    answer = Agent(profile=_profile(WALKWAY, folder)).ask(WALKWAY.question, clip)
    _show(clip.name, answer)
    answer.figure().save(folder / "clip.png")
    answer.to_html(folder / "clip.html")
    print(f"\nOverlay: {folder / 'answer.png'}\nReport:  {folder / 'report.html'}")
    print(f"Clip:    {clip}\nStrip:   {folder / 'clip.png'}")
    print(f"Profiles: {folder / 'textile.profile'}, {folder / 'walkway.profile'}")


def _cloths() -> list[Path]:
    """Pictures of good cloth."""
    return sorted((weights.path("textile-demo") / "nominal").iterdir())


def _flawed(file: Path) -> None:
    Image.fromarray(_with_flaw(read_picture(_cloths()[-2]))).save(file)


def _hurried(file: Path) -> None:
    write_clip(file, iter(walkway(NORMAL_CLIPS, fast=True)), fps=10)


def walkway(seed: int, fast: bool = False) -> np.ndarray:
    """Six seconds of a drawn walkway at 10 frames a second, uint8 (60, 144, 192, 3).

    Four figures of 26 px walk across at about 0.9 px a frame; with `fast`, a fifth passes them from 2 s on at 4.
    """
    rng = np.random.default_rng(seed)
    ground = Image.fromarray(np.random.default_rng(0).integers(90, 150, (144, 192, 3), dtype=np.uint8))
    ground = ground.filter(ImageFilter.GaussianBlur(1.5))
    walkers = [
        (rng.uniform(0, 190), row, rng.choice([-1, 1]) * rng.uniform(0.7, 1.1), rng.integers(0, 70, 3))
        for row in (12, 38, 92, 116)
    ]
    frames = []
    for frame in range(60):
        image = ground.copy()
        draw = ImageDraw.Draw(image)
        for x, row, speed, colour in walkers:
            _figure(draw, (x + speed * frame) % 220 - 15, row, frame, tuple(int(c) for c in colour))
        if fast and frame >= 20:
            _figure(draw, 4.0 * (frame - 20) - 10, 65, 0, (20, 20, 30))
        frames.append(np.asarray(image))
    return np.stack(frames)


def _figure(draw: ImageDraw.ImageDraw, x: float, row: float, frame: int, colour: tuple[int, ...]) -> None:
    """A head, a body and two legs that swing with the frame."""
    swing = 3 * np.sin(frame)
    draw.ellipse((x - 3, row, x + 3, row + 6), fill=colour)
    draw.rectangle((x - 4, row + 6, x + 4, row + 17), fill=colour)
    for side in (-1, 1):
        draw.line((x, row + 16, x + side * swing, row + 26), fill=colour, width=3)


def _with_flaw(picture: Picture) -> np.ndarray:
    pixels = picture.pixels.copy()
    x0, y0, x1, y1 = FLAW
    pixels[y0:y1, x0:x1] = np.rot90(pixels[y0:y1, x0:x1])
    return pixels


def _show(name: str, answer: Answer) -> None:
    print(f"\n{name}: {answer.question}\n{answer.text}")


def _profile(case: DemoCase, folder: Path) -> Profile:
    place = folder / f"{case.name}.profile"
    if place.exists():
        try:
            return Profile.load(place)
        except XadError as error:  # of another version, or damaged
            print(f"{error}; doing so.")
    profile = case.fit()
    profile.save(place)
    return profile


CLOTH = DemoCase(
    name="textile",
    kind="picture",
    title="a flawed cloth",
    question=WHERE_AND_WHY,
    file="flawed.png",
    normal=lambda: _cloths()[:NORMAL_PICTURES],
    draw=_flawed,
)
WALKWAY = DemoCase(
    name="walkway",
    kind="clip",
    title="a walkway with something too fast",
    question=WHAT_AND_WHEN,
    file="walkway.mp4",
    normal=lambda: [read_clip(walkway(seed), fps=10) for seed in range(NORMAL_CLIPS)],
    draw=_hurried,
)
CASES = (CLOTH, WALKWAY)

if __name__ == "__main__":
    started = time.perf_counter()
    try:
        run(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
    except XadError as error:
        sys.exit(f"demo: {error}")
    print(f"Done in {time.perf_counter() - started:.0f} s.", file=sys.stderr)
