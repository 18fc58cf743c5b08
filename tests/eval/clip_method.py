"""A real, trivial method for clips: the difference of consecutive frames, and its connected regions."""

import json
from pathlib import Path

import numpy as np
from scipy.ndimage import find_objects, label

from xad_agent.eval.batch import Batch
from xad_agent.eval.clips import Alarms, ClipScores, evaluate_clips
from xad_agent.media import read_clip


class Differences:
    """Scores a frame by its largest change from the one before, and each region of change by its own."""

    def __init__(self, training):
        self.limit = max(self.changes(read_clip(folder)).max() for folder in training)
        self.training = [folder.name for folder in training]

    @staticmethod
    def changes(clip):
        grey = np.stack([frame.astype(np.float32).mean(axis=2) for frame in clip.frames()])
        return np.abs(np.diff(grey, axis=0, prepend=grey[1:2]))

    def scores(self, clip):
        changes = self.changes(clip)
        boxes = []
        for frame, change in enumerate(changes):
            regions, _ = label(change > self.limit, structure=np.ones((3, 3)))
            for rows, columns in find_objects(regions):
                box = (columns.start, rows.start, columns.stop, rows.stop)
                boxes.append((frame, *box, float(change[rows, columns].max())))
        moved = (changes > 5).mean(axis=(1, 2)).astype(np.float32)
        return ClipScores(changes.max(axis=(1, 2)), {"moved": moved, "mean": changes.mean(axis=(1, 2))}, table(boxes))

    def held_out_alarms(self):
        return [Alarms(np.arange(10) == 3, np.array([True])), Alarms(np.zeros(30, bool), np.zeros(3, bool))]


def table(rows):
    return np.array(rows, float).reshape(-1, 6)


class Method:
    """Makes scorers of a class; what it has fitted is the names of the training clips."""

    def __init__(self, scorer=Differences, **settings):
        self.scorer, self.settings, self.fits = scorer, settings, []

    def fit(self, clips, folder, seed, progress):
        self.fits.append([path.name for path in clips])
        folder.mkdir(parents=True)
        (folder / "clips.json").write_text(json.dumps([str(path) for path in clips]))

    def load(self, folder):
        return self.scorer([Path(path) for path in json.loads((folder / "clips.json").read_text())])


def run(root, scorer=Differences, **options):
    return evaluate_clips(root, Method(scorer), batch=Batch(progress=False, **options))
