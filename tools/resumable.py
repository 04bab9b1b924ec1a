"""How a tool runs what writes a run directory and can be resumed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from flags import run_flags
from maenas_tf.config import Config
from tools import runner


def run(
    experiment: Callable[..., Any],
    config: Config,
    report: Callable[[Any], str],
) -> int:
    """Runs an experiment to its end or to a signal; returns the exit code.

    Args:
        experiment: SearchExperiment or one alike.
        config: its configuration.
        report: makes the last lines from the result.
    """
    from maenas_tf.runs.taking_part import taking_part

    with taking_part(config, run_flags.RUN_DIR.value) as run_dir:
        return _run(experiment, config, run_dir, report)


def _run(
    experiment: Callable[..., Any],
    config: Config,
    run_dir: str,
    report: Callable[[Any], str],
) -> int:
    from maenas_tf.engine.loop import Diverged
    from maenas_tf.engine.signals import Interrupted, SignalWatch

    signals = SignalWatch()
    made = experiment(
        config,
        run_dir,
        resume=run_flags.RESUME.value,
        signals=signals,
        checkpoint_seconds=60.0 * run_flags.CHECKPOINT_MINUTES.value,
    )
    try:
        with signals.installed():
            result = made.run()
    except Interrupted as error:
        print(f"{error}; the same command goes on.", file=sys.stderr)
        return runner.INTERRUPTED
    except Diverged as error:
        print(str(error), file=sys.stderr)
        return runner.DIVERGED
    print(report(result))
    return 0
