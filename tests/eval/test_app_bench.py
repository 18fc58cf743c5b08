"""The timings of the app's start."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from xad_agent.eval.app_bench import as_text, bench_app


@pytest.mark.data
@pytest.mark.browser
def test_start_and_page_are_timed_beside_gradio_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xad_agent.eval.app_bench.RUNS", 1)
    with ThreadPoolExecutor(1) as thread:  # Playwright may be at work in this one for other tests
        result = thread.submit(bench_app, shutil.which("chromium")).result()
    assert 0 < result["gradio_seconds"] < result["start_seconds"] and result["page_seconds"] > 0
    assert f"start {result['start_seconds']:.1f} s" in as_text(result)
