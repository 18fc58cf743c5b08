"""Many files judged one by one: what came of each in a table that fills meanwhile, filters, and what to take along."""

import html
from pathlib import Path
from textwrap import shorten
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache

from xad_agent.app.batch_export import counted, export
from xad_agent.app.rendering import render
from xad_agent.app.scanning import OUTCOMES, Filter, Row
from xad_agent.app.sessions import Sessions
from xad_agent.app.telling import telling
from xad_agent.errors import XadError
from xad_agent.media import is_clip
from xad_agent.media.frame_names import natural_order
from xad_agent.media.reading import SUFFIXES

_LOOK_SECONDS = 0.01  # for each row that is sent, and at least a second
_HEADERS = ["No.", "Picture", "File", "Verdict", "Score", "Limit", "p-value", "First reason"]
_TYPES = ["number", "html", "str", "html", "number", "number", "number", "str"]
_WIDTHS = ["56px", "80px", "120px", "122px", "76px", "70px", "82px", "226px"]
_REASON = 110  # characters of it in the table
_EXPORTS = "export"
_NO_EXPORTS = [gr.update(visible=False)] * 3
_HINT = "<p class='xad-foot'>Choose a row: what was found in it is shown here.</p>"
# Gradio's field for files takes no folder that is dropped onto it, so its files are given to it one by one.
_TAKE_FOLDERS = """
const read = (what, how) => new Promise((done, failed) => what[how](done, failed));
const below = async entry => {
    if (entry.isFile) return [await read(entry, 'file')];
    const reader = entry.createReader(), found = [];
    for (let some; (some = await read(reader, 'readEntries')).length;) found.push(...some);
    return (await Promise.all(found.map(below))).flat();
};
element.closest('[role=tabpanel]').addEventListener('drop', async event => {
    const zone = event.target.closest('#xad-batch-files');
    const entries = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry());
    if (!zone || !entries.some(entry => entry?.isDirectory)) return;
    event.preventDefault();
    event.stopPropagation();
    const given = new DataTransfer();
    for (const file of (await Promise.all(entries.map(below))).flat()) given.items.add(file);
    const field = zone.querySelector('input[type=file]');
    field.files = given.files;
    field.dispatchEvent(new Event('change'));
}, true);
"""
_BY = {"score": "Score", "p_value": "p-value"}


class BatchTab:
    """The batch of a session.

    Args:
        sessions: Everybody's.
        key: Holds the session's key.
        tabs: Those that it is one of, beside that of the conversation under the id "ask".

    Attributes:
        outputs: What `refresh` gives.
        asked: Goes off once a file of it was asked about in the conversation.
    """

    def __init__(self, sessions: Sessions, key: gr.Textbox, tabs: gr.Tabs):
        self._sessions = sessions
        self._timer, self._seen = gr.Timer(active=False), gr.State()
        files = gr.File(
            label="Pictures and clips, or a folder of them",
            file_count="multiple",
            height=150,
            elem_id="xad-batch-files",
        )
        with gr.Row():
            folder = gr.UploadButton("Choose a folder", file_count="directory", elem_id="xad-batch-folder")
            self._judge = gr.Button("Judge them", interactive=False, variant="primary", elem_id="xad-batch-judge")
            self._stop = gr.Button("Stop", interactive=False, elem_id="xad-batch-stop")
            self._clear = gr.Button("Remove all")
        self._status = gr.HTML(js_on_load=_TAKE_FOLDERS, elem_id="xad-batch-status")
        with gr.Row():
            self._outcomes = gr.CheckboxGroup(list(OUTCOMES), value=list(OUTCOMES), label="Show", scale=3)
            self._by = gr.Dropdown([(name, by) for by, name in _BY.items()], value="score", label="Where the", scale=1)
            self._low = gr.Number(label="is at least", scale=1)
            self._high = gr.Number(label="and at most", scale=1)
        self._filters = [self._outcomes, self._by, self._low, self._high]
        with gr.Row():
            with gr.Column(scale=9, min_width=330):
                self._table = gr.Dataframe(
                    headers=_HEADERS, datatype=_TYPES, column_widths=_WIDTHS, interactive=False, wrap=True,
                    label="Results", max_height=560, buttons=["fullscreen"], elem_id="xad-batch-table",
                )  # fmt: skip
            with gr.Column(scale=4, min_width=330):
                self._number = gr.State()
                self._chosen = gr.HTML(_HINT, elem_id="xad-batch-chosen")
                self._drawing = gr.Image(visible=False, interactive=False, show_label=False, buttons=["fullscreen"])
                self._ask = gr.Button("Ask about this one", visible=False)
        with gr.Row():
            take = gr.Button("Export what the table shows", elem_id="xad-batch-export")
            self._exports = [gr.DownloadButton(kind, visible=False) for kind in ("CSV", "JSON lines", "HTML report")]
        self._live = [self._timer, self._seen, self._status, self._table, self._judge, self._stop, self._clear]
        self._choice = [self._number, self._chosen, self._drawing, self._ask]
        self.outputs = [*self._live, *self._filters, *self._choice, *self._exports]
        self._wire(key, tabs, files, folder, take)

    def _wire(self, key: gr.Textbox, tabs: gr.Tabs, files: gr.File, folder: gr.File, take: gr.Button) -> None:
        given: Any = [key, *self._filters]
        quiet: Any = {"show_progress": "hidden", "concurrency_limit": None}
        for dropped in (files, folder):
            dropped.upload(self._add, [dropped, *given], [dropped, *self._live], **quiet)
        self._judge.click(self._start, given, self._live, **quiet)
        self._stop.click(self._end, given, self._live, **quiet)
        self._clear.click(self._forget, key, self.outputs, **quiet)
        self._timer.tick(self._look, [self._seen, *given], self._live, **quiet)
        for one in self._filters:
            one.input(self._filtered, given, [*self._live, *self._exports], **quiet)
        self._table.select(self._choose, key, self._choice, **quiet)
        self.asked = self._ask.click(self._bring, [key, self._number], tabs, **quiet)
        take.click(self._take, given, self._exports)

    def refresh(self, key: str) -> list[Any]:
        """What the session's batch came to so far, nothing filtered or chosen; a run under way is followed."""
        filters = [gr.CheckboxGroup(value=list(OUTCOMES)), "score", None, None]
        nothing = [None, _HINT, gr.Image(visible=False), gr.Button(visible=False)]
        return [*self._shown(key, Filter()), *filters, *nothing, *_NO_EXPORTS]

    def _shown(self, key: str, wanted: Filter) -> list[Any]:
        """What `_live` show."""
        session = self._sessions.find(key)
        batch = session.batch
        state, running = batch.state, batch.running  # before the rows, so that the last of them are not missed
        every, rows = batch.rows(), batch.rows(wanted)
        waiting = sum(map(len, batch.waiting(session.settings.profiles).values()))
        status = render("batch", batch=batch, running=running, counted=counted(every), waiting=waiting, shown=len(rows),
                        all=len(every), left=_told(batch.seconds_left))  # fmt: skip
        can_start = waiting > 0 and not running
        return [
            gr.Timer(max(1.0, _LOOK_SECONDS * len(rows)), active=running),
            state,
            status,
            [self._cells(row) for row in rows],
            gr.Button("Go on" if every and can_start else "Judge them", interactive=can_start),
            gr.Button(interactive=running and not batch.stopping),
            gr.Button(interactive=bool(batch.files) and not running),
        ]

    def _cells(self, row: Row) -> list[Any]:
        numbers = [row.line.get(name) for name in ("score", "threshold", "p_value")]
        told = [None if number is None else float(f"{number:.4g}") for number in numbers]
        verdict = f"<span class='xad-verdict {row.outcome}'>{row.outcome}</span>"
        return [row.number, self._thumbnail(row), row.file.name, verdict, *told, shorten(row.reasons[0], _REASON)]

    def _thumbnail(self, row: Row) -> str:
        if row.small is None:
            return ""
        served = save_file_to_cache(row.small, self._table.GRADIO_CACHE)  # what lies there, Gradio serves
        return f'<img src="gradio_api/file={html.escape(served)}" alt="" loading="lazy" width="64" height="64">'

    @telling
    def _add(self, dropped: list[str], key: str, *filters: Any) -> list[Any]:
        media = [file for file in dropped if is_clip(file) or Path(file).suffix.lower() in SUFFIXES]
        if others := len(dropped) - len(media):
            gr.Info(f"left out, since no pictures or clips: {others} of {len(dropped)} files")
        self._sessions.find(key).batch.add(sorted(media, key=lambda file: natural_order(Path(Path(file).name))))
        return [None, *self._shown(key, Filter(*filters))]

    @telling
    def _start(self, key: str, *filters: Any) -> list[Any]:
        session = self._sessions.find(key)
        session.batch.start(session.settings.profiles)
        return self._shown(key, Filter(*filters))

    @telling
    def _end(self, key: str, *filters: Any) -> list[Any]:
        self._sessions.find(key).batch.stop()
        return self._shown(key, Filter(*filters))

    @telling
    def _forget(self, key: str) -> list[Any]:
        self._sessions.find(key).batch.clear()
        return self.refresh(key)

    @telling
    def _look(self, seen: Any, key: str, *filters: Any) -> Any:
        if self._sessions.find(key).batch.state == seen:
            return gr.skip()
        return self._shown(key, Filter(*filters))

    @telling
    def _filtered(self, key: str, *filters: Any) -> list[Any]:
        return [*self._shown(key, Filter(*filters)), *_NO_EXPORTS]

    @telling
    def _choose(self, key: str, event: gr.SelectData) -> list[Any]:
        row = self._sessions.find(key).batch.row(int((event.row_value or [0])[0] or 0))
        shown, what = row.drawing or row.small, "What was found in" if row.drawing else "Of it, small:"
        return [
            row.number,
            render("batch_row", row=row),
            gr.Image(shown, visible=shown is not None, label=row.file.name, alt_text=f"{what} {row.file.name}"),
            gr.Button(visible=True),
        ]

    @telling
    def _bring(self, key: str, number: int) -> gr.Tabs:
        session = self._sessions.find(key)
        session.ask("", [session.batch.row(number).file])
        return gr.Tabs(selected="ask")

    @telling
    def _take(self, key: str, *filters: Any) -> list[gr.DownloadButton]:
        session = self._sessions.find(key)
        batch = session.batch
        rows = batch.rows(Filter(*filters))
        if not rows:
            raise XadError("the table shows nothing to export")
        paths = export(rows, len(batch.rows()), session.settings.profiles, batch.folder / _EXPORTS)
        return [gr.DownloadButton(value=str(path), visible=True) for path in paths]


def _told(seconds: float | None) -> str:
    """A time to wait for, as people say it; "" where it is not known."""
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
