"""One measurement; and a process that makes them for another one.

    python -P maenas_tf/timing/measuring.py FILE_DESCRIPTOR

times a case of whichever checkout of the project PYTHONPATH names, which may
be an older one than this file's: all that it knows of `maenas_tf` is looked up
when it runs.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing.connection
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

# What is weighed instead of timed.
MEMORY = "memory"

# The kinds of what the process sends.
READY = "ready"
MEASURED = "measured"
REFUSED = "refused"
TOO_OLD = "too old"


def measure(
    run: Callable[[int], None], steps: int, result: dict[str, Any]
) -> None:
    """Appends the seconds of one step, by the clock and of all cores.

    Args:
        run: runs so many steps.
        steps: how many.
        result: takes "seconds" and "cpu_seconds".
    """
    begin, cpu = time.perf_counter(), time.process_time()
    run(steps)
    result["cpu_seconds"].append((time.process_time() - cpu) / steps)
    result["seconds"].append((time.perf_counter() - begin) / steps)


def weigh(run: Callable[[int], None]) -> dict[str, float]:
    """Returns the peak of two steps of this process, MB.

    Args:
        run: runs so many steps; has run none.

    Returns:
        "peak_mb" and, before the first step, "before_mb": of all that the
        process holds, its graphs too, or the GPU. Where TensorFlow tells,
        "tensors_mb": the peak of tensors, on CPU of those from 256 KiB.
    """
    tf = importlib.import_module("tensorflow")
    memory_mb = importlib.import_module("maenas_tf.engine.runtime").memory_mb
    before = memory_mb("VmRSS")
    for _ in range(2):
        run(1)
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    result = {"peak_mb": memory_mb("VmHWM"), "before_mb": before}
    with contextlib.suppress(ValueError):  # Not every allocator counts.
        used = tf.config.experimental.get_memory_info(
            "GPU:0" if on_gpu else "CPU:0"
        )
        result["tensors_mb"] = used["peak"] / 2**20
        if on_gpu:
            result |= {"peak_mb": result["tensors_mb"], "before_mb": 0.0}
    return result


def _config(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:
    """Returns the configuration of one checkout with the settings of another.

    Args:
        settings: all of them.
        defaults: theirs; a setting that has its own need not be known.

    Raises:
        LookupError: another setting is unknown.
    """
    made = importlib.import_module("maenas_tf.timing.config").BenchmarkConfig
    known = made.defaults()
    for name, value in settings.items():
        if name not in known and value != defaults[name]:
            raise LookupError(f"--{name}={value}")
    return made(**{name: settings[name] for name in known if name in settings})


def _make(name: str, config: Any) -> Any:
    """Returns a case that has run no step.

    Raises:
        LookupError: there is no case of that name.
    """
    cases = importlib.import_module("maenas_tf.timing.cases").CASES
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("maenas_tf.timing.score_cases")
    name = "search_step" if name == MEMORY else name
    if name not in cases:
        raise LookupError(f"--what={name}")
    return cases.get(name)(config)


def serve(end: multiprocessing.connection.Connection) -> None:
    """Makes a case ready and times it as often as it is told to.

    Args:
        end: sends the name of the case, the settings and their defaults, and
            then how many steps to time, 0 to end.
    """
    name, settings, defaults = end.recv()
    try:
        refusal = importlib.import_module("maenas_tf.config").ConfigError
        case = _make(name, _config(settings, defaults))
        if name == MEMORY:
            end.send((READY, weigh(case.run)))
            return
        for count in (1, case.warm_up):
            if case.warm_up:
                case.run(count)
    except ModuleNotFoundError as error:
        end.send((TOO_OLD, str(error.name)))
        return
    except LookupError as error:
        end.send((TOO_OLD, str(error.args[0])))
        return
    except refusal as error:
        end.send((REFUSED, str(error)))
        return
    end.send((READY, {"images": case.images}))
    while steps := end.recv():
        result: dict[str, Any] = {"seconds": [], "cpu_seconds": []}
        measure(case.run, steps * case.multiple, result)
        end.send((MEASURED, result))


if __name__ == "__main__":
    with (
        contextlib.suppress(EOFError, BrokenPipeError),  # Nobody listens.
        multiprocessing.connection.Connection(int(sys.argv[1])) as connection,
    ):
        serve(connection)
