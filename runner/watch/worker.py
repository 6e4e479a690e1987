"""The process of one job: `glabella run`, which does not outlive its watcher."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Final

_LOOK_S: Final = 0.5


def main() -> int:
    """Run the words of the command line; end at once when the watcher is gone, however it ended.

    What the run has finished by then stays where it is, and the next watcher goes on with it.
    """
    from runner.cli import main as glabella

    threading.Thread(target=_outlive_nobody, args=(os.getppid(),), name="watcher", daemon=True).start()
    return glabella(["run", *sys.argv[1:]])


def _outlive_nobody(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
