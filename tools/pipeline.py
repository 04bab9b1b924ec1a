r"""From images to a model in use: search, pretrain, train, evaluate, export.

    python -m tools.pipeline --flagfile=flags/recipes/pipeline_digits.flags

Each stage is the tool of that name, in a folder of that name in --run_dir.
The network that is found is pretrained and trained; the training begins with
the pretrained weights. Run again, what is done is not done again, and what was
interrupted goes on, to the same bits. Exit codes: 0 done, else that of the
stage that stopped (2 bad input, 3 stopped by a signal, 4 diverged; 137 killed,
as by the kernel for want of memory).
"""

from __future__ import annotations

import signal
import sys

from absl import flags

from flags import pipeline_flags, stage_flags
from maenas_tf.config import file_names, user_path
from tools import runner, stages

# What --helpshort shows.
flags.adopt_module_key_flags(pipeline_flags)


def main() -> int:
    """Runs the stages that the flags ask for; returns the exit code."""
    run_dir = user_path(pipeline_flags.RUN_DIR.value)
    values = stage_flags.values()
    given = stage_flags.arguments(run_dir, values)
    configs = stages.check(given)
    if stage_flags.lacks_test_images(configs, values):
        print(f"{configs['train'].data_dir} has no test images: no evaluation.")
        del given["evaluate"]
    for name, arguments in given.items():
        path = run_dir / name
        if name == "export" and (path / file_names.EXPORT).exists():
            print(f"{path} is there; remove it to export anew.")
            continue
        stages.wait_for(path)
        code = stages.run_stage(name, arguments)
        if code:
            print(f"tools.{name} {_ended(code)}", file=sys.stderr)
            # As a shell does of a command that was killed.
            return code if code > 0 else runner.KILLED - code
    return 0


def _ended(code: int) -> str:
    """Says how a stage ended that is not done."""
    if code > 0:
        return f"ended with {code}."
    name = signal.Signals(-code).name
    return f"was killed by {name}; the same command goes on."


if __name__ == "__main__":
    runner.run(main)
