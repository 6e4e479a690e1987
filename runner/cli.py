"""The command line: which command, and what an error looks like. Everything heavy is imported by the command itself."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module

HELP = """\
glabella - control of facial micro-expressions in video

  glabella run clip=take3.mov gain=subtle preset=broadcast     measure, shape and re-render a clip
  glabella run clip=take3.mov 'gain.au_gain={4: 1.2, 12: 0.8}' turn single Action Units up or down
  glabella run pipeline=replace identity=ada clip=take3.mov    a consented identity's face, see glabella identity
  glabella run -m clip=take3.mov gain=neutral,subtle,expressive   a sweep: one analysis, three renders, a comparison
  glabella run clip=take3.mov search=gains                     a sweep that a file describes: conf/search
  glabella analyse clip=take3.mov out=measured                 Action Units, pose and landmarks as tables

commands that take settings (Hydra overrides: group=option, group.key=value; --help lists them)
  run       clip in, delivery, report and MLflow run out; prints the delivery's path (of a sweep, the comparison page's)
  analyse   clip or photo in; tables, figures and curves of its Action Units out; prints the table's path
  watch     a drop folder: watch inbox=DIR outbox=DIR renders every clip that comes in; watch status|retry|forget OUTBOX
  graph     check a pipeline and print its plan (mermaid=true for a diagram)
  bench     measure speed and memory, stage by stage, on this machine
  gallery   render a declared list of clips and gains into outputs/gallery, to be looked at, with scores
  eval      `eval units`: film the calibration rig with known Action Units, and tell how well they are measured

commands that take flags (--help lists them)
  models    list, fetch and verify the models and sample clips
  identity  the library of faces that may be put on: add, list, show, remove, verify
  verify    hold a delivery against its report: file, frames, times, pictures
  doctor    this machine, its providers, encoders and caches, and what to do about each problem
  completion   shell completion: eval "$(glabella completion bash)"

exit codes: 0 done, 1 other, 2 configuration, 3 clip, 4 model, 5 backend, 6 output, 7 stage, 8 gate, 130 interrupted
"""

COMMANDS = {
    "run": ("runner.app", "run"),
    "analyse": ("runner.app", "analyse"),
    "graph": ("runner.app", "graph"),
    "bench": ("runner.app", "bench"),
    "gallery": ("runner.app", "gallery"),
    "watch": ("runner.app", "watch"),
    "eval": ("runner.app", "evaluate"),
    "models": ("runner.models_command", "main"),
    "identity": ("runner.identity_command", "main"),
    "verify": ("runner.verify", "main"),
    "doctor": ("runner.doctor", "main"),
    "completion": ("runner.completion", "main"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors are one line on stderr."""
    for library in ("OPENBLAS", "OMP", "MKL"):  # parallel over frames, not inside them
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if words[0] in ("-V", "--version", "version"):
        return _version()
    if words[0] not in COMMANDS:
        return _unknown(words[0])
    module, name = COMMANDS[words[0]]
    return guarded(lambda: getattr(import_module(module), name)(words[1:]))


def guarded(command: Callable[[], int]) -> int:
    """Run a command; whatever it raises is one line on stderr and an exit code."""
    from runner.failures import told

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill tidies up as Ctrl-C does
    try:
        return command()
    except KeyboardInterrupt:
        print("interrupted; no half-written delivery was left behind", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        return told(error)


def _version() -> int:
    from importlib.metadata import version

    print(version("glabella"))
    return 0


def _unknown(word: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(word, COMMANDS, 1)
    hint = f" - did you mean {near[0]!r}?" if near else ""
    print(f"error: there is no command {word!r}{hint} (glabella --help lists them)", file=sys.stderr)
    return 2
