"""The app's views for README, of drawn plates and the demo's drawn walkway: python -m tests.app.screenshots FOLDER."""

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.app.conftest import CHROMIUM, DESKTOP, PHONE, Running, ask
from xad_agent.demo import NORMAL_CLIPS, WHAT_AND_WHEN, WHERE_AND_WHY, walkway
from xad_agent.media import read_clip, write_clip
from xad_agent.profile import Profile

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIDE, PLATES = 320, 60


def plate(seed: int, scratched: bool = False) -> Image.Image:
    """A brushed plate with four holes and a boss, a little differently placed and lit each time."""
    rng = np.random.default_rng(seed)
    brushed = np.repeat(rng.normal(0, 9, (SIDE, 1)), SIDE, axis=1) + rng.normal(0, 4, (SIDE, SIDE))
    light = 150 + rng.uniform(-8, 8) + np.linspace(-12, 12, SIDE)[None]
    image = Image.fromarray(np.clip(brushed + light, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    draw = ImageDraw.Draw(image)
    dx, dy = rng.integers(-3, 4, 2).tolist()
    for x in (60, 260):
        for y in (60, 260):
            draw.ellipse((x - 16 + dx, y - 16 + dy, x + 16 + dx, y + 16 + dy), fill=40, outline=200, width=2)
    draw.ellipse((110 + dx, 110 + dy, 210 + dx, 210 + dy), outline=225, width=6)
    if scratched:
        draw.line([(196, 232), (222, 214), (243, 206), (268, 178)], fill=242, width=4, joint="curve")
    return image.filter(ImageFilter.GaussianBlur(0.6)).convert("RGB")


def media(folder: Path) -> None:
    """Plates, the walkway, and a profile of each."""
    for name in ("good", "lot"):
        (folder / name).mkdir()
    for seed in range(PLATES):
        plate(seed).save(folder / "good" / f"plate-{seed:02d}.png")
    for seed in range(8):
        plate(100 + seed, scratched=seed in (2, 5)).save(folder / "lot" / f"lot-{seed + 1}.png")
    Profile.fit(str(folder / "good"), alpha=0.02).save(folder / "plate.profile")
    Profile.fit([read_clip(walkway(seed), fps=10) for seed in range(NORMAL_CLIPS)]).save(folder / "walkway.profile")
    write_clip(folder / "walkway.mp4", iter(walkway(NORMAL_CLIPS, fast=True)), fps=10)


def take(page: "Page", file: Path) -> None:
    """A picture of the window."""
    page.wait_for_timeout(1500)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(file, quality=85)


def main(folder: Path) -> None:
    """Write the views into a folder."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp())
    media(work)
    known = ("--profile", str(work / "plate.profile"), "--profile", str(work / "walkway.profile"))
    with Running(work, *known) as at, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=DESKTOP)
        _open(page, at)
        ask(page, WHERE_AND_WHY, work / "lot" / "lot-3.png")
        page.wait_for_selector("img[alt*='lot-3.png']")
        take(page, folder / "picture.webp")
        page.get_by_role("tab", name="Normal", exact=True).click()
        take(page, folder / "normal.webp")
        page.get_by_role("tab", name="Batch", exact=True).click()
        page.locator("#xad-batch-files input[type=file]").set_input_files(sorted((work / "lot").iterdir()))
        page.locator("#xad-batch-judge").click()
        page.wait_for_selector("text=lot-8.png")
        page.wait_for_timeout(8000)
        take(page, folder / "batch.webp")
        clip = browser.new_page(viewport={**DESKTOP, "height": 1200})
        _open(clip, at)
        ask(clip, WHAT_AND_WHEN, work / "walkway.mp4")
        clip.get_by_role("tab", name="Clip", exact=True).click()
        clip.wait_for_timeout(15_000)
        take(clip, folder / "clip.webp")
        phone = browser.new_context(viewport=PHONE, color_scheme="dark").new_page()
        _open(phone, page.url)
        phone.locator("a.xad-chip", has_text="E1").first.click()
        phone.wait_for_selector("#xad-evidence h2")
        take(phone, folder / "evidence-phone.webp")
    shutil.rmtree(work)


def _open(page: "Page", address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#xad-question textarea")
    page.wait_for_function("location.search.includes('chat=')")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
