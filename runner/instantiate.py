"""From plain configuration to frozen dataclasses, with an allow-list and errors that carry the config path.

Why not `hydra.utils.instantiate`: it can call anything importable, and reports a misspelt field as a TypeError of sixty
lines. Here only dataclasses of `stages.` and `runner.` can be named, and every mistake is one line.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Union, get_args, get_origin, get_type_hints

from stages.errors import ConfigError, GainError, GlabellaError

ALLOWED = ("stages.", "runner.")


def instantiate(node: Any, path: str) -> Any:
    """Build `node`: a mapping with `_target_` becomes that dataclass, others and lists are walked, the rest stays.

    Raises:
        ConfigError: a target outside our packages, an unknown or missing or wrongly typed field; begins with `path`.
    """
    if isinstance(node, Mapping):
        built = {key: instantiate(value, f"{path}.{key}") for key, value in node.items() if key != "_target_"}
        return _construct(_locate(node["_target_"], path), built, path) if "_target_" in node else built
    if isinstance(node, list):
        return tuple(instantiate(value, f"{path}[{i}]") for i, value in enumerate(node))
    return node


def _locate(target: Any, path: str) -> type:
    name = str(target)
    if not name.startswith(ALLOWED):
        raise ConfigError(f"{path}._target_: {name!r} is outside stages. and runner., which alone may be named")
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path}._target_: there is no {name!r} ({error})") from error
    if not (isinstance(found, type) and is_dataclass(found)):
        raise ConfigError(f"{path}._target_: {name!r} is not something that can be configured")
    return found


def _construct(cls: type, values: dict[str, Any], path: str) -> Any:
    hints = get_type_hints(cls)
    known = {f.name: f for f in fields(cls) if f.init}
    for name in values.keys() - known.keys():
        raise ConfigError(f"{path}.{name}: {cls.__name__} has no setting {name!r}{did_you_mean(name, known)}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{path}.{name}: {cls.__name__} needs a value here")
    checked = {name: _coerce(value, hints[name], f"{path}.{name}") for name, value in values.items()}
    try:
        return cls(**checked)
    except GainError:
        raise  # says where in the profile, whatever node the profile hangs on
    except GlabellaError as error:
        raise type(error)(str(error) if str(error).startswith(path) else f"{path}: {error}") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _coerce(value: Any, hint: Any, path: str) -> Any:
    """Check plain scalars against the field's hint; an int where a float is meant becomes one."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    plain = [option for option in options if option in (bool, int, float, str, types.NoneType)]
    if len(plain) != len(options):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and int not in plain and float in plain:
        return float(value)
    if type(value) not in plain:
        wanted = " or ".join("nothing" if option is types.NoneType else option.__name__ for option in plain)
        raise ConfigError(f"{path}: must be {wanted}, not {value!r}")
    return value


def did_you_mean(name: str, known: Any) -> str:
    """` - did you mean 'x'?` or ` (known: a, b)`."""
    near = get_close_matches(str(name), [str(k) for k in known], 1)
    return f" - did you mean {near[0]!r}?" if near else f" (known: {', '.join(sorted(map(str, known)))})"
