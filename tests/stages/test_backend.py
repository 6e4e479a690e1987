from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from stages import backend
from stages.backend import Auto, Backend, Chosen, Cpu, Cuda, Model, TensorRt
from stages.errors import BackendError, ConfigError
from stages.models import registry

SHAPES = {"landmarks": np.zeros((1, 478, 2), np.float32)}


def blendshapes(where: Backend) -> Model:
    return Model(asset=registry.shipped()["face_blendshapes"], backend=where)


def has(provider: str) -> bool:
    return (
        blendshapes(
            {"CUDAExecutionProvider": Cuda, "TensorrtExecutionProvider": TensorRt}[provider](strict=False)
        ).provider
        == provider
    )


def test_importing_the_backend_loads_no_runtime() -> None:
    code = "import sys, stages.backend; sys.exit('onnxruntime' in sys.modules or 'onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_cpu_runs_and_says_so() -> None:
    model = blendshapes(Cpu())
    (scores,) = model.run(SHAPES)
    assert scores.shape == (1, 52)
    assert model.provider == "CPUExecutionProvider"
    assert str(model.chosen) == "CPUExecutionProvider"
    assert not model.chosen.fallback
    assert model.sha256 == registry.shipped()["face_blendshapes"].file_sha256


@pytest.mark.parametrize("where", [Cuda(), TensorRt()])
def test_strict_backend_never_runs_elsewhere(where: Backend) -> None:
    if has(where.provider):
        assert blendshapes(where).provider == where.provider
        return
    with pytest.raises(BackendError) as error:
        blendshapes(where).open()
    text = str(error.value)
    assert "\n" not in text
    assert f"{where.provider} did not load (" in text
    assert "()" not in text
    assert "backend=cpu" in text


@pytest.mark.parametrize("where", [Auto(strict=False), Cuda(strict=False)])
def test_a_fallback_is_a_value_with_a_reason(where: Backend) -> None:
    chosen = blendshapes(where).chosen
    assert chosen.asked == "CUDAExecutionProvider"
    if chosen.fallback:
        assert chosen.provider == "CPUExecutionProvider"
        assert chosen.reason
        assert str(chosen) == f"CPUExecutionProvider instead of CUDAExecutionProvider: {chosen.reason}"


def test_a_failed_provider_prints_nothing_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    backend._sessions.clear()
    blendshapes(Cuda(strict=False)).open()
    out, err = capfd.readouterr()
    assert out == ""
    assert "onnxruntime:Default" not in err


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(BackendError, match=r"^broken\.onnx cannot be opened: "):
        Cpu().open(tmp_path / "broken.onnx")


def test_a_model_is_opened_once_whoever_asks_first() -> None:
    model, opened = blendshapes(Cpu()), []
    threads = [threading.Thread(target=lambda: opened.append(model.open())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session.native) for session in opened}) == 1


@pytest.mark.parametrize("fields", [{"threads": -1}, {"threads": 1000}])
def test_nonsense_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"^backend\.threads"):
        Cpu(**fields)


def test_chosen_prints_a_fallback() -> None:
    assert str(Chosen("CPUExecutionProvider", "CUDAExecutionProvider", "no driver")).endswith(": no driver")
