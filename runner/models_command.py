"""`glabella models list|fetch|verify`: the registry from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence

from rich.table import Table

from runner.instantiate import did_you_mean
from runner.progress import console, say
from stages.errors import ModelError
from stages.models.registry import Asset, shipped


def main(words: Sequence[str]) -> int:
    """Run the sub-command in `words`.

    Raises:
        ModelError: an unknown name, a source that fails, a file that has changed.
    """
    options = _parser().parse_args(list(words))
    if options.action == "list":
        return _list(shipped().values())
    chosen = _choose(options.names, everything=getattr(options, "all", False))
    return _fetch(chosen, options.offline) if options.action == "fetch" else _verify(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "glabella models", description="Models and sample clips: where they are, what they cost to use."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="every asset with its kind, licence and state")
    fetch = actions.add_parser("fetch", help="download, check and convert; prints the paths")
    fetch.add_argument("names", nargs="*", help="assets to fetch; none means every model that may be used commercially")
    fetch.add_argument("--all", action="store_true", help="sample clips and the rig too")
    fetch.add_argument("--offline", action="store_true", help="use the cache and local paths only")
    verify = actions.add_parser("verify", help="hash what the cache holds again")
    verify.add_argument("names", nargs="*", help="assets to verify; none means all that were fetched")
    return parser


def _choose(names: Sequence[str], everything: bool) -> list[Asset]:
    assets = shipped()
    for name in names:
        if name not in assets:
            raise ModelError(f"{name}: there is no such asset{did_you_mean(name, assets)}")
    if names:
        return [assets[name] for name in names]
    return [asset for asset in assets.values() if everything or (asset.kind == "model" and asset.commercial)]


def _list(assets: Iterable[Asset]) -> int:
    table = Table("name", "kind", "state", "licence", box=None, header_style="bold")
    for asset in assets:
        status = asset.status()
        state = f"{status.size / 1e6:.1f} MB" if status.present else "not fetched"
        table.add_row(asset.name, asset.kind, state, asset.licence)
    from rich.console import Console

    Console(file=sys.stdout).print(table)
    return 0


def _fetch(assets: Iterable[Asset], offline: bool) -> int:
    for asset in assets:
        path = asset.fetch(offline or None)
        say(f"{asset.name}: {asset.licence}")
        print(path)
    return 0


def _verify(assets: Iterable[Asset]) -> int:
    for asset in assets:
        if asset.status().present:
            console.print(f"{asset.name}: {asset.verify().sha256}")
    return 0
