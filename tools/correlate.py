"""Correlates scores with true accuracy.

The loss of short trainings and inside supernets (NAS-Bench-201):

    python -m tools.correlate --run_dir=runs/correlation --dataset=cifar10 \\
        --data_dir=DIR --task=mae,supervised --num_architectures=20

or the scores that searches have left behind (NAS-Bench-201, NAS-Bench-Macro):

    python -m tools.correlate --run_dir=runs/scores --candidates=runs/a \\
        --sums=expressivity+trainability+regions+macs

Writes losses.csv as it goes, then correlation.csv, correlation.md and
plots/tau_by_steps.png; of scores the middle two. Exit codes: 0 done; 2 bad
input; 3 stopped by a signal (the same command goes on with the next
architecture).
"""

from __future__ import annotations

import sys

from absl import flags

from flags import correlate_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(correlate_flags)


def main() -> int:
    """Runs the experiment that the flags ask for; returns the exit code."""
    config = correlate_flags.correlate_config()
    from maenas_tf.correlation.candidates_experiment import CandidatesExperiment
    from maenas_tf.correlation.experiment import CorrelateExperiment
    from maenas_tf.engine.signals import Interrupted, SignalWatch

    make_pool = correlate_flags.pool_maker()
    run_dir = correlate_flags.RUN_DIR.value
    signals = SignalWatch()
    kind = CandidatesExperiment if config.candidates else CorrelateExperiment
    experiment = kind(
        config,
        run_dir,
        resume=correlate_flags.RESUME.value,
        signals=signals,
        make_pool=make_pool,
    )
    try:
        with signals.installed():
            result = experiment.run()
    except Interrupted as error:
        print(f"{error}; the same command goes on.", file=sys.stderr)
        return runner.INTERRUPTED
    print(result.markdown)
    print(f"written: {run_dir}/correlation.csv, correlation.md")
    return 0


if __name__ == "__main__":
    runner.run(main)
