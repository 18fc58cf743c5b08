"""`make demo`: weights, pictures and a clip, a profile of each, four questions, drawings and a report."""

import sys
import time
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

WHERE_AND_WHY = "Where is the defect, and why is it one?"
WHAT_AND_WHEN = "What is wrong in this clip, and when?"
NORMAL_PICTURES, NORMAL_CLIPS = 100, 6
FLAW = (60, 130, 124, 194)  # x0 y0 x1 y1 in px of the cloth that is woven the wrong way


def run(folder: Path) -> None:
    """Ask about simulated cloth, and leave the pictures asked about, overlay, report and profile in a folder.

    The package's own defects are specks that the embedded backbone hardly sees, so the flaw is made here: a patch of
    the cloth is turned by a quarter.

    Args:
        folder: Where the results go; a profile that is already there and can be read is used again.

    Raises:
        XadError: Weights or pictures cannot be had, or the folder cannot be written.
    """
    weights.pull(["llm", "sentences", "backbone", "objects", "demo"])
    normal = sorted((weights.path("textile-demo") / "nominal").iterdir())
    profile = _profile(folder / "textile.profile", normal[:NORMAL_PICTURES])
    flawed = read_picture(_with_flaw(read_picture(normal[-2])), name="flawed.png")
    Image.fromarray(flawed.pixels).save(folder / flawed.name)
    agent = Agent(profile=profile)
    chat = agent.chat(flawed)
    first = chat.ask(WHERE_AND_WHY)
    _show(flawed.name, first)
    _show(flawed.name, chat.ask("Would it pass if that were repaired?"))
    _show(normal[-1].name, agent.ask("Is there anything wrong with this one?", normal[-1]))
    first.figure().save(folder / "answer.png")
    first.to_html(folder / "report.html")
    _ask_about_a_clip(folder)
    print(f"\nOverlay: {folder / 'answer.png'}\nReport:  {folder / 'report.html'}")
    print(f"Clip:    {folder / 'walkway.mp4'}\nStrip:   {folder / 'clip.png'}")
    print(f"Profiles: {folder / 'textile.profile'}, {folder / 'walkway.profile'}")


def _ask_about_a_clip(folder: Path) -> None:
    """No package has clips of one camera, so the walkway is drawn: figures that walk, and one that is too fast."""
    profile = _profile(folder / "walkway.profile", [read_clip(walkway(seed), fps=10) for seed in range(NORMAL_CLIPS)])
    frames = walkway(NORMAL_CLIPS, fast=True)
    write_clip(folder / "walkway.mp4", iter(frames), fps=10)
    answer = Agent(profile=profile).ask(WHAT_AND_WHEN, folder / "walkway.mp4")
    _show("walkway.mp4", answer)
    answer.figure().save(folder / "clip.png")
    answer.to_html(folder / "clip.html")


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


def _profile(folder: Path, normal: list[Any]) -> Profile:
    if folder.exists():
        try:
            return Profile.load(folder)
        except XadError as error:  # of another version, or damaged
            print(f"{error}; doing so.")
    profile = Profile.fit(normal)
    profile.save(folder)
    return profile


if __name__ == "__main__":
    started = time.perf_counter()
    try:
        run(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
    except XadError as error:
        sys.exit(f"demo: {error}")
    print(f"Done in {time.perf_counter() - started:.0f} s.", file=sys.stderr)
