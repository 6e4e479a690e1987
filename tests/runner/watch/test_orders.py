from __future__ import annotations

from pathlib import Path

import pytest

from runner.watch.orders import Names, order, read
from stages.errors import ConfigError

NAMES = Names(["example", "promo"], ["neutral", "subtle"])


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ((), ()),
        (("promo",), ("production=promo",)),
        (("subtle",), ("gain=subtle",)),
        (("promo", "subtle"), ("production=promo", "gain=subtle")),
    ],
)
def test_folders_choose_production_and_gain(levels: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert order(levels, NAMES).words == words


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (("promos",), "did you mean 'promo'.*productions: example, promo; gains: neutral, subtle"),
        (("promo", "subtl"), "no such gain - did you mean 'subtle'"),
        (("promo", "subtle", "x"), "too deep"),
    ],
)
def test_unknown_folders_are_refused_with_the_valid_names(levels: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        order(levels, NAMES)


def test_a_sidecars_plain_values_become_overrides(tmp_path: Path) -> None:
    sidecar = tmp_path / "clip.yaml"
    sidecar.write_text("preset: cinema\nencode.crf: 20\ngain:\n  au_gain: {12: 0.5, AU4: 1.2}\ncast.who: 'a b'\n")
    assert read(sidecar) == (
        "preset=cinema",
        "encode.crf=20",
        "gain.au_gain.12=0.5",
        "gain.au_gain.AU4=1.2",
        "cast.who='a b'",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("decode: {_target_: os.system}", "plain values only"),
        ("gain: ${oc.env:HOME}", "interpolation"),
        ("neutral.keep: /etc/passwd", "leads out"),
        ("neutral.keep: ../../x", "leads out"),
        ("neutral.keep: ~/x", "leads out"),
        ("tracking.uri: http", "watcher's to say"),
        ("outputs: x", "watcher's to say"),
        ("a=b: c", "plain values only"),
        ("[1, 2]", "must map settings"),
        ("a: [", "not readable as YAML"),
        ("when: 2026-01-01", "no plain value"),
    ],
)
def test_a_sidecar_that_asks_for_more_is_refused(tmp_path: Path, text: str, said: str) -> None:
    sidecar = tmp_path / "clip.yaml"
    sidecar.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read(sidecar)
