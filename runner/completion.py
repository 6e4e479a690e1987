"""Shell completion: a short bash function that asks Hydra for the words of the Hydra commands."""

from __future__ import annotations

from collections.abc import Sequence

from runner.cli import COMMANDS
from stages.errors import ConfigError

_BASH = """\
_glabella() {{
  local words="${{COMP_WORDS[*]:2}}" command="${{COMP_WORDS[1]}}" current="${{COMP_WORDS[COMP_CWORD]}}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{commands} --help --version" -- "$current")); return
  fi
  case "$command" in
    run|analyse|graph|bench|gallery)
      local line="glabella $words"
      COMPREPLY=($(COMP_LINE="$line" COMP_POINT=${{#line}} glabella "$command" -sc query=bash 2>/dev/null)) ;;
    eval) COMPREPLY=($(compgen -W "units" -- "$current")) ;;
    models) COMPREPLY=($(compgen -W "list fetch verify" -- "$current")) ;;
  esac
}}
complete -o nospace -o default -F _glabella glabella
"""


def main(words: Sequence[str]) -> int:
    """`glabella completion bash` prints the script to evaluate.

    Raises:
        ConfigError: another shell.
    """
    if list(words) not in ([], ["bash"]):
        raise ConfigError('completion: bash is what there is: eval "$(glabella completion bash)"')
    print(_BASH.format(commands=" ".join(COMMANDS)), end="")
    return 0
