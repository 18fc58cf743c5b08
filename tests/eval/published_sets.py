"""The small set of `clip_sets` on disk in each of the layouts that sets are published in."""

import av
import numpy as np
from scipy.io import savemat

from tests.eval.clip_sets import ANOMALOUS, FRAMES, box, mask, picture, save

CLIPS = ("01", "02")


def shown(clip, frame):
    return box(frame) if frame in ANOMALOUS[clip] else None


def masks(clip):
    return np.stack([mask(shown(clip, frame)) for frame in range(FRAMES)]).astype(np.uint8)


def film(path, boxes):
    """A video of the walking square, with the anomaly where there are boxes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", 10)
        stream.width, stream.height, stream.pix_fmt = 40, 24, "yuv420p"
        for frame, at in enumerate(boxes):
            pixels = picture(frame, at).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode(None))


def write_frames(folder, boxes, suffix):
    for frame, at in enumerate(boxes):
        save(folder / f"{frame + 1:03}.{suffix}", picture(frame, at))


def boxes_of(clip):
    return [shown(clip, frame) for frame in range(FRAMES)]


def write_ucsd(root, masked=CLIPS):
    lines = ["% ground truth of [frames]", "TestVideoFile = {};"]
    for clip in CLIPS:
        write_frames(root / f"Train/Train0{clip}", [None] * FRAMES, "tif")
        write_frames(root / f"Test/Test0{clip}", boxes_of(clip), "tif")
        if clip in masked:
            for frame, at in enumerate(boxes_of(clip)):
                save(root / f"Test/Test0{clip}_gt/{frame + 1:03}.bmp", mask(at))
    lines += ["TestVideoFile{end+1}.gt_frame = [5:12];", "TestVideoFile{end+1}.gt_frame = [1:3, 4 : 7];"]
    (root / "Test/UCSDped2.m").write_text("\n".join(lines))
    return root


def write_avenue(root):
    for clip in CLIPS:
        film(root / f"training_videos/{clip}.avi", [None] * FRAMES)
        film(root / f"testing_videos/{clip}.avi", boxes_of(clip))
        cells = np.empty((1, FRAMES), object)
        cells[0] = list(masks(clip) // 255)
        path = root / f"ground_truth_demo/testing_label_mask/{int(clip)}_label.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {"volLabel": cells}, do_compression=True)
    return root


def write_shanghaitech(root):
    for scene, clip in enumerate(CLIPS, 1):
        film(root / f"training/videos/0{scene}_001.avi", [None] * FRAMES)
        write_frames(root / f"testing/frames/0{scene}_00{clip}", boxes_of(clip), "jpg")
        for kind, array in (("frame", masks(clip).any(axis=(1, 2)).astype(np.int64)), ("pixel", masks(clip) // 255)):
            path = root / f"testing/test_{kind}_mask/0{scene}_00{clip}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, array)
    return root


def write_ubnormal(root):
    """Object 3 is the anomaly, object 7 is not; the second test clip is normal."""
    film(root / "Scene1/normal_scene_1_scenario_1.mp4", [None] * FRAMES)
    film(root / "Scene1/normal_scene_1_scenario_2.mp4", [None] * FRAMES)
    name = "abnormal_scene_1_scenario_1"
    film(root / f"Scene1/{name}.mp4", boxes_of("01"))
    folder = root / f"Scene1/{name}_annotations"
    for frame, at in enumerate(boxes_of("01")):
        numbers = mask(at) // 255 * 3
        numbers[3:9, 4 + frame : 8 + frame] = 7
        save(folder / f"{name}_{frame:04}_gt.png", numbers)
    (folder / f"{name}_tracks.txt").write_text("3,4,11\n")
    (root / "scripts").mkdir()
    for kind, listed in (
        ("normal_training", "normal_scene_1_scenario_1"),
        ("normal_test", "normal_scene_1_scenario_2"),
        ("abnormal_test", name),
    ):
        (root / f"scripts/{kind}_video_names.txt").write_text(listed + "\n")
    return root


def write_street_scene(root):
    for clip in CLIPS:
        write_frames(root / f"Train/Train0{clip}", [None] * FRAMES, "jpg")
        write_frames(root / f"Test/Test0{clip}", boxes_of(clip), "jpg")
        rows = [
            f"{frame + 1:03}.jpg 4 {(at[0] + at[2]) / 2} {(at[1] + at[3]) / 2} {at[2] - at[0]} {at[3] - at[1]}"
            for frame, at in enumerate(boxes_of(clip))
            if at
        ]
        (root / f"Test/Test0{clip}/Test0{clip}_gt.txt").write_text("\n".join(rows))
    return root


WRITERS = {
    "ucsd": write_ucsd,
    "avenue": write_avenue,
    "shanghaitech": write_shanghaitech,
    "ubnormal": write_ubnormal,
    "street-scene": write_street_scene,
}
