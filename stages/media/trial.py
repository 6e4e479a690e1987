"""Opening an encoder once, in memory, so that a setting it refuses is said before the first frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import av
from av import logging
from av.error import FFmpegError

from stages.errors import ConfigError, DeliveryError
from stages.packets import Clip

_LARGEST = (1280, 720)  # enough for any option, and SVT-AV1 takes half a gigabyte for more


def try_encoder(
    clip: Clip, codec: str, pixel_format: str, options: Mapping[str, str], fields: Collection[str] = ()
) -> None:
    """Open `codec` as the delivery will. `fields`: those of `options` that are settings of their own.

    Raises:
        ConfigError: it refuses or does not know an option; begins with the setting and ends in the encoder's own words.
        DeliveryError: it does not open here with any options.
    """
    reason, unknown = _open(clip, codec, pixel_format, options)
    if unknown:
        raise ConfigError(f"{_path(unknown[0], fields)}: unknown to {codec}; leave it out")
    if reason is None:
        return
    for name in options:
        rest = {key: value for key, value in options.items() if key != name}
        if _open(clip, codec, pixel_format, rest)[0] is None:
            raise ConfigError(f"{_path(name, fields)}: {codec} does not take {options[name]!r} ({reason})")
    if options and _open(clip, codec, pixel_format, {})[0] is None:
        raise ConfigError(f"encode.options: {codec} does not take {dict(options)} ({reason})")
    raise DeliveryError(f"{clip.name}: {codec} does not open on this machine ({reason}); use another encode")


def _path(name: str, fields: Collection[str]) -> str:
    return f"encode.{name}" if name in fields else f"encode.options.{name}"


def _open(clip: Clip, codec: str, pixel_format: str, options: Mapping[str, str]) -> tuple[str | None, list[str]]:
    """Why it does not open, or None; and the options that it does not know."""
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height = min(clip.width, _LARGEST[0]), min(clip.height, _LARGEST[1])
    context.pix_fmt, context.time_base, context.framerate = pixel_format, clip.time_base, clip.rate
    context.thread_count = 1
    context.options.update(options)
    level = logging.get_level()
    logging.set_level(logging.ERROR)
    try:
        with logging.Capture() as said:
            context.open(strict=False)
    except (FFmpegError, ValueError) as cause:
        words = [text for _, speaker, text in said if speaker != "Eval"] or [
            getattr(cause, "strerror", "") or str(cause)
        ]
        return " ".join(words[0].split()).rstrip("."), []
    finally:
        logging.set_level(level)
    return None, sorted(set(options) & set(context.options))
