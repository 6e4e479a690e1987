"""Which container holds what, and which pixel format an encoder takes without losing anything."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import av

from stages.errors import ConfigError, DeliveryError
from stages.media.pixels import has_alpha
from stages.packets import Clip

MUXERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
    ".nut": "nut",
    ".mxf": "mxf",
}
_PREFERRED = {
    "ffv1": (".mkv", ".mp4", ".nut"),
    "prores_ks": (".mov", ".mkv"),
    "dnxhd": (".mov", ".mxf", ".mkv"),
    "libvpx-vp9": (".webm", ".mp4", ".mkv"),
    "libsvtav1": (".mp4", ".webm", ".mkv"),
    "libaom-av1": (".mp4", ".webm", ".mkv"),
}
_REFUSED = {(".mov", codec) for codec in ("libvpx-vp9", "libsvtav1", "libaom-av1")}  # listed, yet not written
LAYER = "rgba64le"
"""The format of a layer on its way to the encoder, unless it is float."""
_UNUSABLE = {"libx265": ("yuva420p", "yuva420p10le")}  # listed, yet x265 as built here has no alpha
_UNLISTED = {".mxf": frozenset({"dnxhd", "pcm_s24le"})}  # written, yet not listed
_USUAL = (".mp4", ".mov", ".mkv")


def encoder(codec: str) -> av.Codec:
    """The encoder FFmpeg calls `codec`.

    Raises:
        ConfigError: there is none in this build.
    """
    os.environ.setdefault("SVT_LOG", "1")  # else SVT-AV1 talks on stderr
    known = "libx264, libx265, ffv1, prores_ks, libvpx-vp9, libsvtav1"
    try:
        found = av.Codec(codec, "w")
        if found.type != "video":
            raise ConfigError(f"encode.codec: {codec!r} encodes {found.type}, not pictures; use one of {known}")
        return found
    except (ValueError, av.error.FFmpegError) as cause:
        raise ConfigError(f"encode.codec: {codec!r} is no encoder of this FFmpeg build; use one of {known}") from cause


def choose(clip: Clip, codec: str, audio: tuple[str, ...], wanted: str | None) -> str:
    """The suffix of the delivery: `wanted`, or without a wish the source's own or the codec's usual one.

    Without a wish, a container that would round the clip's timestamps is passed over.

    Raises:
        DeliveryError: `wanted`, or any container, cannot hold the codec and the audio; names those that can.
    """
    usual = _PREFERRED.get(codec, _USUAL)
    if wanted is not None:
        suffix = "." + wanted.lower().lstrip(".")
        if not holds(suffix, codec, audio):
            raise DeliveryError(_refusal(clip, suffix, codec, audio))
        return suffix
    own = clip.path.suffix.lower()
    fitting = [s for s in dict.fromkeys((own, *usual) if own in usual else usual) if holds(s, codec, audio)]
    exact = [s for s in fitting if keeps_time(s, clip.time_base)]
    if not fitting:
        raise DeliveryError(_refusal(clip, usual[0], codec, audio))
    return (exact or fitting)[0]


def holds(suffix: str, codec: str, audio: tuple[str, ...] = ()) -> bool:
    """Whether the container can hold the video codec and every audio codec."""
    return suffix in MUXERS and (suffix, codec) not in _REFUSED and {codec, *audio} <= supported(suffix)


def keeps_time(suffix: str, time_base: Fraction) -> bool:
    """Whether every timestamp in `time_base` is exact there: Matroska and WebM count milliseconds."""
    return suffix not in (".mkv", ".webm") or (time_base * 1000).denominator == 1


@cache
def supported(suffix: str) -> frozenset[str]:
    """FFmpeg's names of all codecs the container takes."""
    container = av.open(io.BytesIO(), "w", format=MUXERS[suffix])
    return frozenset(container.supported_codecs) | _UNLISTED.get(suffix, frozenset())


def _refusal(clip: Clip, suffix: str, codec: str, audio: tuple[str, ...]) -> str:
    content = " and ".join(dict.fromkeys((codec, *audio)))
    able = [s for s in MUXERS if holds(s, codec, audio)]
    advice = f"use {' or '.join(able)}" if able else "use encode.audio=none, or another codec"
    return f"{clip.name}: a {suffix} file cannot hold {content}; {advice}"


def pixel_format(codec: str, source: str, wanted: str | Sequence[str] | None = None) -> str:
    """The format to encode in: of those `wanted`, or of all the encoder takes, the source's or what loses least of it.

    Raises:
        ConfigError: the encoder does not take a `wanted` one.
    """
    listed = [f.name for f in encoder(codec).video_formats or []]
    formats = [name for name in listed if name not in _UNUSABLE.get(codec, ())]
    asked = [wanted] if isinstance(wanted, str) else list(wanted or [])
    for name in asked:
        if formats and name not in formats:
            raise ConfigError(f"encode.pixel_format: {codec} does not take {name!r}; it takes {', '.join(formats)}")
    choice = asked or formats
    if not choice or source in choice:
        return source
    same = relabelled(source)
    return same if same in choice else min(choice, key=lambda name: _loss(source, name))


def incoming(layer: str, clip: Clip) -> str:
    """The format of the frames to encode: the clip's own, or that of a layer."""
    return LAYER if layer == "face" else clip.pixel_format


def check_layer(layer: str, codec: str, wanted: str | Sequence[str] | None) -> None:
    """A layer needs alpha.

    Raises:
        ConfigError: `layer` is not "none" or "face", or the encoder takes no alpha, or see `pixel_format`.
    """
    if layer not in ("none", "face"):
        raise ConfigError(f"encode.layer must be 'none' or 'face', not {layer!r}")
    chosen = pixel_format(codec, LAYER if layer == "face" else "yuv420p", wanted)
    if layer == "face" and not has_alpha(chosen):
        able = "encode=prores_4444, exr, png, tiff or ffv1"
        raise ConfigError(f"encode.layer: {codec} in {chosen} holds no matte; use {able}")


def check_size(clip: Clip, codec: str, name: str) -> None:
    """x264 and x265 take no odd sizes where colour is subsampled.

    Raises:
        DeliveryError: the clip's is one; names what takes it.
    """
    across, down = _facts(name)[-2:]
    if codec in ("libx264", "libx265") and (clip.width % (16 // across) or clip.height % (16 // down)):
        raise DeliveryError(
            f"{clip.name}: {codec} takes no {clip.width}x{clip.height} {name}; use encode=ffv1, or "
            "encode.pixel_format=yuv444p"
        )


def relabelled(name: str) -> str:
    """The format with the very same planes whose range is told by a tag: yuvj420p -> yuv420p."""
    return name.replace("yuvj", "yuv")


def _loss(source: str, target: str) -> tuple[int, ...]:
    """What a conversion loses, the worst first; then what it wastes."""
    a, b = _facts(source), _facts(target)
    lost = tuple(max(0, x - y) for x, y in zip(a[1:], b[1:], strict=True))
    wasted = tuple(max(0, y - x) for x, y in zip(a[1:], b[1:], strict=True))
    colours = lost[1]
    return (colours, a[0] != b[0], *lost, *wasted)


@cache
def _facts(name: str) -> tuple[int, ...]:
    fmt = av.VideoFormat(relabelled(name), 16, 16)
    alpha = any(c.is_alpha for c in fmt.components)
    depth = fmt.components[0].bits if not fmt.has_palette else 1
    colours = 1 if len(fmt.components) - alpha < 3 else 3
    if fmt.is_rgb or colours == 1:
        across, down = 16, 16
    else:
        across, down = fmt.chroma_width(16), fmt.chroma_height(16)
    return int(fmt.is_rgb), int(alpha), colours, depth, across, down
