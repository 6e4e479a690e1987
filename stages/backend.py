"""Where models run: one frozen dataclass per kind of hardware, and sessions that say what they really run on.

ONNX Runtime falls back to the CPU without an error, even for a misspelled provider. So after a session is opened its
first provider is compared with the one that was asked for; a strict backend raises BackendError on a difference,
another one makes it part of the printable `Chosen`. This is the only module that imports onnxruntime, and it does so
late.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from stages.errors import BackendError, ConfigError
from stages.models import cache as files
from stages.models.own import OwnFile
from stages.models.registry import Asset

_log = logging.getLogger(__name__)
_ERROR, _FATAL = 3, 4  # severities of ONNX Runtime's log
_LIBRARIES = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "tensorrt"}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a session really runs on. fallback: whether that is not what was asked for; reason: why, in a few words."""

    provider: str
    asked: str
    reason: str

    @property
    def fallback(self) -> bool:
        """True when another provider runs than was asked for."""
        return self.provider != self.asked

    def __str__(self) -> str:
        return f"{self.provider} instead of {self.asked}: {self.reason}" if self.fallback else self.provider


@dataclass(frozen=True, slots=True)
class Input:
    """What a model takes: its name, its type as ONNX Runtime writes it, and its shape; what is free is no number."""

    name: str
    kind: str
    shape: tuple[int | str | None, ...]

    def __str__(self) -> str:
        return f"{self.name} {'x'.join(str(side) for side in self.shape)} {self.kind}"


@dataclass(frozen=True, slots=True)
class Session:
    """An open model. Runs may come from several threads at once."""

    native: Any
    chosen: Chosen

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What it takes, in the model's order."""
        return tuple(Input(one.name, one.type, tuple(one.shape)) for one in self.native.get_inputs())

    def run(self, feeds: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        """All outputs, in the model's order."""
        return tuple(self.native.run(None, feeds))


@dataclass(frozen=True, kw_only=True)
class Backend(ABC):
    """A kind of hardware.

    threads: CPU threads inside one session; 1 is best where stages run in parallel. strict: raise when the provider
    that was asked for does not load, instead of running on the CPU.
    """

    threads: int = 1
    strict: bool = True

    provider: ClassVar[str]

    def __post_init__(self) -> None:
        if not 0 <= self.threads <= 256:
            raise ConfigError(f"backend.threads: must be 0 (all cores) to 256, not {self.threads}")

    @abstractmethod
    def options(self) -> dict[str, str]:
        """Provider options, as ONNX Runtime names them."""

    def open(self, model: Path) -> Session:
        """Open a model file.

        Raises:
            BackendError: the provider did not load and the backend is strict, or the file cannot be opened.
        """
        try:
            native = self._session(model)
            if native.get_providers()[0] == self.provider:
                return Session(native, Chosen(self.provider, self.provider, ""))
            reason = _obstacle(self.provider) or "ONNX Runtime gives no reason"
        except _opening_errors() as error:
            reason = _obstacle(self.provider) or _one_line(str(error))
        if self.provider == Cpu.provider:
            raise BackendError(f"{model.name} cannot be opened: {reason}; run: glabella models verify")
        if self.strict:
            raise BackendError(
                f"{model.name}: {self.provider} did not load ({reason}); install what is missing, "
                "or ask for backend=cpu, or for backend=auto to allow a fallback"
            )
        return self._fall_back(model, reason)

    def _fall_back(self, model: Path, reason: str) -> Session:
        chosen = Chosen(Cpu.provider, self.provider, reason)
        session = Session(Cpu(threads=self.threads).open(model).native, chosen)
        _log.warning("%s runs on %s", model.name, chosen)
        return session

    def _session(self, model: Path) -> Any:
        import onnxruntime

        onnxruntime.set_default_logger_severity(_FATAL)  # what it would print is in our own message
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERROR
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers: list[Any] = [(self.provider, self.options())] if self.provider != Cpu.provider else []
        providers.append(Cpu.provider)
        return onnxruntime.InferenceSession(os.fspath(model), options, providers=providers, enable_fallback=0)


@dataclass(frozen=True, kw_only=True)
class Cpu(Backend):
    """Any processor."""

    provider = "CPUExecutionProvider"

    def options(self) -> dict[str, str]:
        """None are needed."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Cuda(Backend):
    """An NVIDIA GPU. device: its index. memory_limit_mb: how much of it the sessions may take, 0 for all."""

    device: int = 0
    memory_limit_mb: int = 0

    provider = "CUDAExecutionProvider"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.device < 0 or self.memory_limit_mb < 0:
            raise ConfigError("backend.device and backend.memory_limit_mb: must be 0 or more")

    def options(self) -> dict[str, str]:
        """Device and memory; TF32 is off so that results do not depend on the GPU's generation."""
        limit = {"gpu_mem_limit": str(self.memory_limit_mb << 20)} if self.memory_limit_mb else {}
        return {"device_id": str(self.device), "use_tf32": "0", **limit}

    def _session(self, model: Path) -> Any:
        _preload()
        return super()._session(model)


@dataclass(frozen=True, kw_only=True)
class TensorRt(Backend):
    """An NVIDIA GPU through TensorRT. fp16: half precision where it is safe. engines: folder of built engines; null
    keeps them in the user's cache (building one takes minutes)."""

    device: int = 0
    fp16: bool = False
    engines: str | None = None

    provider = "TensorrtExecutionProvider"

    def options(self) -> dict[str, str]:
        """Device, precision, and the engine cache."""
        folder = Path(self.engines).expanduser() if self.engines else files.root() / "tensorrt"
        folder.mkdir(parents=True, exist_ok=True)
        return {
            "device_id": str(self.device),
            "trt_fp16_enable": str(int(self.fp16)),
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(folder),
        }

    def _session(self, model: Path) -> Any:
        _preload()
        return super()._session(model)


@dataclass(frozen=True, kw_only=True)
class Auto(Backend):
    """The best that this machine really has: CUDA, else the CPU, never an error; `Model.chosen` says which and why.

    strict means nothing here.
    """

    device: int = 0

    provider = "auto"

    def options(self) -> dict[str, str]:
        """Those of whichever backend is chosen."""
        return {}

    def open(self, model: Path) -> Session:
        """Open a model file on CUDA if that works, else on the CPU; what was chosen and why is logged once."""
        return Cuda(device=self.device, threads=self.threads, strict=False).open(model)


@dataclass(frozen=True, kw_only=True)
class Model:
    """An asset on a backend. Opened once per process, when first needed, whichever thread asks first."""

    asset: Asset | OwnFile
    backend: Backend

    def open(self) -> Session:
        """The session; fetches the asset if needed.

        Raises:
            ModelError: the asset cannot be had.
            BackendError: the provider that was asked for did not load.
        """
        key = (self.asset.name, self.asset.sha256, self.backend)
        if key not in _sessions:
            with _opening:
                if key not in _sessions:
                    _sessions[key] = self.backend.open(self.asset.fetch())
        return _sessions[key]

    def run(self, feeds: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        """All outputs, in the model's order; opens the model if that has not happened yet."""
        return self.open().run(feeds)

    @property
    def chosen(self) -> Chosen:
        """What it really runs on, and why if that is not what was asked for."""
        return self.open().chosen

    @property
    def provider(self) -> str:
        """The execution provider that really loaded."""
        return self.chosen.provider

    @property
    def sha256(self) -> str:
        """SHA-256 of the ONNX file that runs."""
        return self.asset.file_sha256


# Sessions are kept here, not in Model, so that a Model stays a value that can be compared and pickled.
_sessions: dict[tuple[str, str, Backend], Session] = {}
_opening = threading.Lock()


@cache
def _preload() -> None:
    """Load CUDA's libraries from NVIDIA's pip packages, where they are installed; its prints are not for our stdout."""
    import onnxruntime

    with contextlib.redirect_stdout(io.StringIO()):
        onnxruntime.preload_dlls()


@cache
def _obstacle(provider: str) -> str:
    """Why a provider cannot work on this machine, or an empty string if its libraries load."""
    import onnxruntime

    if provider not in onnxruntime.get_available_providers():
        return f"this build of ONNX Runtime {onnxruntime.__version__} has no {provider}"
    if provider not in _LIBRARIES:
        return ""
    pattern = "onnxruntime_providers_{}.dll" if os.name == "nt" else "libonnxruntime_providers_{}.so"
    folder = Path(onnxruntime.__file__).with_name("capi")
    try:
        for part in ("shared", _LIBRARIES[provider]):
            ctypes.CDLL(str(folder / pattern.format(part)), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return _one_line(str(error))
    return ""


def _opening_errors() -> tuple[type[BaseException], ...]:
    """What ONNX Runtime raises for a provider that cannot start, and for a file that it cannot read."""
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    return (RuntimeError, ValueError, native.Fail, native.InvalidGraph, native.InvalidProtobuf, native.EPFail)


def _one_line(text: str) -> str:
    return " ".join(text.split())
