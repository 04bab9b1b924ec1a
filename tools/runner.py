"""What all tools share: how they start and how they fail."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from absl import app, flags

from maenas_tf import require_tensorflow_backend
from maenas_tf.config import ConfigError

BAD_INPUT = 2
INTERRUPTED = 3
DIVERGED = 4


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        rest = flags.FLAGS(argv)
    except (flags.Error, OSError) as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        sys.exit(BAD_INPUT)
    if len(rest) > 1:
        print(
            f"Unexpected argument {rest[1]!r}; give flags, as --name=value.",
            file=sys.stderr,
        )
        sys.exit(BAD_INPUT)
    return rest


def run(main: Callable[[], int | None]) -> None:
    """Runs a tool: bad input ends in one sentence and exit code 2.

    Args:
        main: does the work; returns the exit code, None for 0.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("NO_GCE_CHECK", "true")

    def checked(_: Sequence[str]) -> int:
        try:
            require_tensorflow_backend()
            return main() or 0
        except ConfigError as error:
            print(str(error), file=sys.stderr)
            return BAD_INPUT

    app.run(checked, flags_parser=_parse)
