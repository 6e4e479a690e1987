from __future__ import annotations

from runner.sweep.jobs import file_name, label, values


def test_a_run_is_called_by_what_it_varies() -> None:
    assert label(("gain=subtle", "++gain.au_gain.AU12=0.75", "clip='a/b (1).mov'")) == "subtle · AU12 0.75 · b (1)"
    assert label(("clip=sample:smile_onset",)) == "smile_onset"
    assert label(()) == "as it is"


def test_values_are_those_of_the_grammar() -> None:
    found = values(("++gain.au_gain.AU12=0.75", "clip='it\\'s.mov'", "encode.crf=10"))
    assert found == {"gain.au_gain.AU12": 0.75, "clip": "it's.mov", "encode.crf": 10}


def test_deliveries_never_share_a_name() -> None:
    one, other = ("clip=a/take.mov",), ("clip=b/take.mov",)
    assert label(one) == label(other)
    assert file_name(1, one, ".mov") == "001-take.mov"
    assert file_name(2, other, ".mov") == "002-take.mov"


def test_a_folder_of_pictures_has_a_name_without_dots() -> None:
    assert file_name(3, ("++gain.au_gain.AU12=0.75",), "") == "003-AU12-0_75"
    assert len(file_name(4, tuple(f"a.b{i}=0.123456" for i in range(40)), ".mp4")) <= 90
