"""Where the results of an evaluation go: a folder with a JSON file and a document."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from runner.settings import Settings
from stages.errors import ConfigError, DeliveryError


def open_folder(settings: Settings, what: str, names: Sequence[str], started: datetime) -> Path:
    """The folder, made; checked before the first frame.

    Raises:
        ConfigError: `out` is a file, or holds results already.
        DeliveryError: it cannot be written to.
    """
    wanted = settings.values.get("out")
    own = Path(str(settings["outputs"])) / f"eval-{what}-{started:%Y%m%dT%H%M%S}"
    folder = Path(str(wanted)).expanduser() if wanted else own
    if folder.is_file():
        raise ConfigError(f"out: {folder} is a file; name a folder for {' and '.join(names)}")
    if (folder / names[0]).exists() and not settings["overwrite"]:
        raise ConfigError(f"out: {folder / names[0]} exists; name another folder or add overwrite=true")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeliveryError(f"out: cannot write to {folder}: {error.strerror or error}") from error
    return folder


def write(folder: Path, names: Sequence[str], told: Mapping[str, Any], text: str) -> Path:
    """Both files, the first last; its path."""
    texts = dict(zip(names, (json.dumps(plain(told), indent=1), text), strict=True))
    for name, content in reversed(texts.items()):
        part = folder / f".{name}.part"
        part.write_text(content, "utf-8")
        part.replace(folder / name)
    return folder / names[0]


def plain(value: Any) -> Any:
    """As JSON can hold it: no NaN."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if key != "_target_"}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
