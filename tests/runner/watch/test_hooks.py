from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from runner.watch.hooks import called
from tests.runner.watch.service import Service, clip


def test_a_command_gets_the_job_as_json(service: Service, tmp_path: Path) -> None:
    clip(service.inbox / "a.mkv")
    service.once(f"watch.hooks.success=tee {tmp_path}/told.json")
    told = (tmp_path / "told.json").read_text()
    assert '"state": "done"' in told
    assert '"clip": "a.mkv"' in told


def test_what_a_hook_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    script = f"(sleep 1.5; touch {tmp_path}/late) & sleep 60"
    started = time.monotonic()
    assert called(f"sh -c '{script}'", {}, 0.3) == "stopped after 0.3 s"
    assert time.monotonic() - started < 1.4
    time.sleep(1.6)
    assert not (tmp_path / "late").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sh -c 'echo no room >&2; exit 3'", "exit code 3: no room"),
        ("/nowhere/hook", "No such file"),
        ("sh 'unclosed", "No closing quotation"),
        ("http://127.0.0.1:9/", "refused"),
        ("true", ""),
    ],
)
def test_what_goes_wrong_is_one_line(command: str, said: str) -> None:
    error = called(command, {"a": 1}, 5)
    assert said in error if said else not error


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}", bodies
        made.shutdown()


def test_an_address_gets_it_as_a_post(server: tuple[str, list[bytes]]) -> None:
    address, bodies = server
    assert called(f"{address}/hook", {"state": "done"}, 5) == ""
    assert bodies == [b'{"state": "done"}']
    assert "500" in called(f"{address}/broken", {}, 5)
