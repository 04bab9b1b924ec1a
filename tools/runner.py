"""What all tools share: how they start and how they fail."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from maenas_tf import require_tensorflow_backend
from maenas_tf.config import ConfigError
from maenas_tf.engine.console import as_sentence, silent_stderr
from maenas_tf.engine.signals import WorkerLost, stopped_by_signals
from tools.command_line import BAD_INPUT, parse

INTERRUPTED = 3
DIVERGED = 4
# With the number of the signal added.
KILLED = 128


def quiet_start() -> contextlib.AbstractContextManager[None]:
    """Hides what TensorFlow logs while it loads.

    Who sets TF_CPP_MIN_LOG_LEVEL to less than 3 sees it.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3":
        return contextlib.nullcontext()
    return silent_stderr()


def run(
    main: Callable[[], int | None],
    flags_parser: Callable[[Sequence[str]], list[str]] = parse,
) -> None:
    """Runs a tool: bad input ends in one sentence and exit code 2.

    Args:
        main: does the work; returns the exit code, None for 0.
        flags_parser: reads the flags, as absl wants it.
    """
    os.environ.setdefault("NO_GCE_CHECK", "true")

    def checked(_: Sequence[str]) -> int:
        try:
            with quiet_start():
                require_tensorflow_backend()
            # By default absl shows what TensorFlow notes for its makers.
            if not flags.FLAGS["verbosity"].present:
                logging.set_verbosity(logging.WARNING)
            # Lines reach a pipe at once; a killed run keeps what it said. A
            # name of a file need not be text in any encoding.
            sys.stdout.reconfigure(
                line_buffering=True, errors="backslashreplace"
            )
            return main() or 0
        except (ConfigError, OSError) as error:
            print(as_sentence(error), file=sys.stderr)
            return BAD_INPUT
        except WorkerLost as error:
            end = "the same commands, of all workers, go on from what is saved."
            print(f"{error}; {end}", file=sys.stderr)
            sys.stdout.flush()
            # TensorFlow would wait for who is gone.
            os._exit(INTERRUPTED)
        except KeyboardInterrupt as error:
            end = "the same command goes on from what is saved."
            print(f"stopped by {error}; {end}", file=sys.stderr)
            sys.stdout.flush()
            # A thread that decodes a picture would be waited for.
            os._exit(INTERRUPTED)

    with stopped_by_signals():
        app.run(checked, flags_parser=flags_parser)
