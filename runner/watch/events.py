"""Hints that the inbox has changed. They may be missed, doubled or late: the folder is the truth."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer


class Hints(FileSystemEventHandler):
    """Sets `changed` whenever the kernel tells of something in the inbox; follows an inbox that is made anew."""

    def __init__(self, inbox: Path, native: bool) -> None:
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)  # it complains of being stopped
        self.changed = threading.Event()
        self._inbox, self._native = inbox, native
        self._observer: Any = None
        self._place: tuple[int, int] | None = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Told by the kernel. Looking at a folder is an event too, and none of ours."""
        if event.event_type not in ("opened", "closed_no_write"):
            self.changed.set()

    def follow(self) -> None:
        """Watch the folder that now has the inbox's name; nothing while there is none. Never raises."""
        if not self._native:
            return
        place = None
        with suppress(OSError):
            about = os.stat(self._inbox)
            place = about.st_dev, about.st_ino
        if place == self._place and self._observer is not None and self._observer.is_alive():
            return
        self.stop()
        if place is None:
            return
        observer = Observer()
        try:
            observer.schedule(self, str(self._inbox), recursive=True)
            observer.start()
        except OSError:  # too many watches, or no kernel support: looking every minute goes on
            return
        self._observer, self._place = observer, place
        self.changed.set()

    def stop(self) -> None:
        """Watch no longer."""
        if self._observer is not None:
            with suppress(Exception):
                self._observer.stop()
                self._observer.join(5)
        self._observer, self._place = None, None
