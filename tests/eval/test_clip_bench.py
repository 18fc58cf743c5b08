"""`xad bench metrics` on a small set: that all metrics are measured, of the masks that were made."""

import json

from xad_agent.eval.clip_bench import as_text, bench_metrics


def test_all_metrics_of_a_small_set_are_timed():
    result = bench_metrics(60, 4, (60, 96), 5, progress=False)
    assert result["n"] == {"clips": 4, "frames": 60, "height": 60, "width": 96, "regions": 300}
    assert 0 < result["clip_seconds"] < result["seconds"] == result["clip_seconds"] + result["set_seconds"]
    metrics = result["metrics"]
    for name in ("frame_auc_micro", "pixel_auc", "pixel_auc_ucsd", "rbdc", "tbdc", "event_f1_01"):
        low, high = metrics[f"{name}_interval"]
        assert low <= metrics[name] <= high, name
    assert metrics["rbdc"] > 0.3 and metrics["pixel_auc"] > 0.7, "a region lies on each anomaly, with a higher score"
    assert "60 frames of 96 x 60 px in 4 clips, with masks and 300 regions" in as_text(json.loads(json.dumps(result)))
