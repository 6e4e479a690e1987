from __future__ import annotations

import base64
import json
import re
import tracemalloc
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from runner.report import Report, RunRecord, write
from stages.delivery.stills import Still
from stages.errors import DeliveryError
from tests.runner.report.made import NAME, Line, line, record

VOID = {"meta", "img", "input", "br", "link", "hr"}


class Page(HTMLParser):
    """Checks that tags close in order, and collects what the page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [found[name] or "" for name in ("src", "href", "srcset", "action") if name in found]
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def report(tmp_path: Path, stills: list[Still]) -> Report:
    tracks = {"measured": line(100), "asked": line(100, 1.5), "achieved": line(100, 1.4, there=lambda i: i % 5 == 0)}
    return write(tmp_path / "out", record(warnings=("AU12 <fell> short",)), tracks, stills)


def test_writes_every_file(report: Report) -> None:
    names = ["report.json", "report.html", "units.parquet", "curves.svg", "contact.jpg"]
    assert [path.name for path in report.files] == names
    assert all(path.stat().st_size > 100 for path in report.files)
    assert pq.read_metadata(report.parquet).num_rows == 100


def test_report_json_is_the_record_and_the_figures(report: Report) -> None:
    text = report.json.read_text("utf-8")
    written, given = RunRecord.from_json(text), record(warnings=("AU12 <fell> short",))
    followed = pytest.approx(1, abs=1e-9)
    assert written == replace(given, scores={**given.scores, "au.leakage": 0.0, "expression.correlation": followed})
    unit = json.loads(text)["units"]["AU12"]
    assert unit["gain"] == pytest.approx(1.5, abs=1e-4)
    assert unit["achieved"]["gain"] == pytest.approx(1.4, abs=1e-4)


def test_the_page_is_well_formed_and_stands_alone(report: Report) -> None:
    text = report.html.read_text("utf-8")
    page = Page(text)
    assert page.links
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    rest = re.sub(r'"data:[^"]*"', '""', text)
    assert not re.search(r"(?:https?:)?//(?!\s)[a-z]", rest)
    assert "@import" not in rest
    assert "url(" not in rest


def test_pictures_in_the_page_are_pictures(report: Report) -> None:
    page = Page(report.html.read_text("utf-8"))
    for link in page.links:
        assert base64.b64decode(link.partition(",")[2], validate=True)[:3] == b"\xff\xd8\xff"


def test_the_page_says_what_matters(report: Report) -> None:
    text = report.html.read_text("utf-8")
    assert NAME in text
    for shown in (
        "AU12 &lt;fell&gt; short",
        "×1.50",
        "×1.40",
        "encode.crf",
        "ef" * 32,
        "cd" * 32,
        "CPUExecutionProvider",
    ):
        assert shown in text, shown
    assert text.index("AU12 &lt;fell&gt; short") < text.index('class="facts"')


def test_the_page_shows_no_password(tmp_path: Path) -> None:
    uri = "http://me:secret@mlflow.example:5000"
    secret = record(config={"uri": uri}, command=(f"uri={uri}",), changed={"uri": ("", uri)}, warnings=(uri,))
    report = write(tmp_path, secret, {"measured": line(3)}, [])
    assert "mlflow.example" in report.html.read_text("utf-8")
    assert all(b"secret" not in path.read_bytes() for path in report.files)


def test_the_profiles_own_gain_is_shown_beside_what_it_came_to(tmp_path: Path) -> None:
    profile = record(config={"gain": {"au_gain": {12: 1.8, 43: {"left": 1.2, "right": 1}}}})
    report = write(tmp_path, profile, {"measured": line(100), "asked": line(100, 1.5)}, [])
    unit = next(unit for unit in report.units if unit.name == "AU12")
    assert (unit.commanded, unit.wanted) == (1.8, 1.8)
    assert unit.gain == pytest.approx(1.5, abs=1e-4)
    assert "×1.80" in report.html.read_text("utf-8")


def test_a_clip_without_stills_or_faces_still_has_a_report(tmp_path: Path) -> None:
    report = write(tmp_path, record(), {"measured": line(10, there=lambda _: False)}, [])
    assert report.contact is None
    assert report.curves is None
    assert "No Action Unit rose above a trace" in report.html.read_text("utf-8")


def test_a_run_that_measured_nothing_still_has_a_report(tmp_path: Path) -> None:
    report = write(tmp_path, record(stage_ms={}, passes=()), {}, [])
    assert [path.name for path in report.files] == ["report.json", "report.html"]
    Page(report.html.read_text("utf-8"))


def test_an_unwritable_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DeliveryError, match=r"the report cannot be written into .*file") as caught:
        write(tmp_path / "file" / "out", record(), {"measured": line(3)}, [])
    assert "\n" not in str(caught.value)


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    class Made(Line):
        """Makes each packet when it is asked for, as a timeline on disk does."""

        def __init__(self, frames: int) -> None:
            self._frames = frames
            self._items = list(line(50))

        def __len__(self) -> int:
            return self._frames

        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            if index >= self._frames:
                raise IndexError(index)
            return self._items[index % 50]

    def peak(frames: int) -> int:
        tracemalloc.start()
        try:
            write(tmp_path, record(frames), {"measured": Made(frames), "asked": Made(frames)}, [])
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(12_000) < peak(4_000) + 1_000_000
