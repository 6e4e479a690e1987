"""Paces are checked when they are read."""

from __future__ import annotations

from typing import Any

import pytest

from runner.pace import Pace
from stages.errors import ConfigError


@pytest.mark.parametrize("wrong", [-1, 2.5, "many", True])
def test_a_number_of_frames_is_whole_and_not_negative(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"pace\.in_flight: must be a whole number of frames from 0"):
        Pace(in_flight=wrong)
