"""The tools whose runs a sweep makes.

Apart from its flags, which are to be read before TensorFlow is loaded.
"""

from __future__ import annotations

import pathlib
import shlex
from collections.abc import Mapping
from typing import Any

from flags import stage_flags, sweep_flags
from maenas_tf.config import file_names
from maenas_tf.runs import files
from maenas_tf.sweeps.sweep_grid import (
    ConfigTool,
    Stage,
    SweepRun,
    SweptTool,
    check_registered,
)

_SEED = "seed"
# Of the stages that add to the run directory of a training.
_MARKS = {
    "evaluate": Stage(files.EVALUATION, folder="train"),
    "export": Stage(file_names.EXPORT, folder="export"),
}


class PipelineTool:
    """Runs pipelines; a setting is that of a stage: "search.mask_ratio".

    Args:
        directory: that the run directories are made in.
        checkpoint_minutes: between checkpoints of a stage.

    Attributes:
        defaults: name of each setting that a grid may name to its default.
    """

    name = sweep_flags.PIPELINE

    def __init__(self, directory: pathlib.Path, checkpoint_minutes: float):
        self.directory = directory
        self.checkpoint_minutes = checkpoint_minutes
        self.defaults = {
            f"{stage}.{name}": default
            for stage, config_class in stage_flags.CONFIGS.items()
            for name, default in config_class.defaults().items()
        }

    def make_run(self, name: str, values: Mapping[str, Any]) -> SweepRun:
        """Returns the run of a combination; see `SweptTool`."""
        given = {flag: values[flag] for flag in stage_flags.NAMES}
        for stage in stage_flags.CONFIGS:
            own = [f"--checkpoint_minutes={self.checkpoint_minutes}"]
            if _SEED in values:
                own.append(f"--{_SEED}={values[_SEED]}")
            for setting, value in values.items():
                owner, _, of_stage = setting.partition(".")
                if of_stage and owner == stage:
                    own.append(f"--{of_stage}={value}")
            text = given[f"{stage}_flags"]
            given[f"{stage}_flags"] = f"{text} {shlex.join(own)}"
        stages = self._stages(self.directory / name, given)
        told = {**given, "stages": ",".join(given["stages"] or ())}
        flags = (f"--{flag}={value}" for flag, value in told.items() if value)
        return SweepRun(name, stages, self.name, tuple(flags))

    def _stages(
        self, path: pathlib.Path, given: Mapping[str, Any]
    ) -> tuple[Stage, ...]:
        arguments = stage_flags.arguments(path, given)
        configs = {
            name: stage_flags.read_config(name, arguments[name])
            for name in arguments
            if name in stage_flags.CONFIGS
        }
        for config in configs.values():
            check_registered(config)
        stage_flags.check_networks(configs)
        if stage_flags.lacks_test_images(configs, given):
            del arguments["evaluate"]
        return tuple(
            Stage(config=configs[name], folder=name)
            if name in configs
            else _MARKS[name]
            for name in arguments
        )


def swept_tool(directory: pathlib.Path) -> SweptTool:
    """Returns the tool whose runs the flags ask for.

    Args:
        directory: that the run directories are made in.
    """
    name = sweep_flags.TOOL.value
    minutes = sweep_flags.CHECKPOINT_MINUTES.value
    if name == sweep_flags.PIPELINE:
        return PipelineTool(directory, minutes)
    return ConfigTool(name, sweep_flags.CONFIGS[name], minutes)
