"""What held-out losses say of architectures, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maenas_tf.correlation import candidates, resampling
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.loss_table import Row
from maenas_tf.correlation.proxy import Objective
from maenas_tf.correlation.weight_sharing import SharedWeights
from maenas_tf.data.image_source import ImageSource


def steps_by_task(rows: Sequence[Row]) -> dict[str, list[int]]:
    """Returns each task with the steps that its losses were read after."""
    found: dict[str, dict[int, None]] = {}
    for row in rows:
        found.setdefault(row["task"], {}).setdefault(row["step"])
    return {task: list(steps) for task, steps in found.items()}


def predictor(task: str, step: int) -> str:
    """Returns what the loss of a task after so many steps is called."""
    return f"{task}, {step} steps"


def judged(rows: Sequence[Row], space: str) -> candidates.Candidates:
    """Returns the architectures with their negated losses as scores.

    Args:
        rows: as in losses.csv, of all architectures.
        space: of them.
    """
    one_each = {row["architecture"]: row for row in rows}
    by_key = {
        (row["architecture"], row["task"], row["step"]): row for row in rows
    }
    scores = {}
    for task, steps in steps_by_task(rows).items():
        for step in steps:
            losses = np.array(
                [by_key[name, task, step]["held_out_loss"] for name in one_each]
            )
            # What diverged ranks last.
            scores[predictor(task, step)] = np.where(
                np.isfinite(losses), -losses, -np.inf
            )
    for name in (candidates.PARAMETERS, candidates.MACS):
        scores[name] = np.array([row[name] for row in one_each.values()])
    return candidates.Candidates(
        "Predictors",
        space,
        list(one_each),
        np.array([row["true_accuracy"] for row in one_each.values()]),
        scores[candidates.MACS],
        scores,
    )


def head(
    config: CorrelateConfig,
    images: ImageSource | None,
    objective: Objective | None,
    shared: Sequence[SharedWeights],
) -> str:
    """Returns what stands before the tables: scale, truth and intervals.

    Args:
        config: of the experiment.
        images: that architectures were trained on alone.
        objective: one that they were trained on; None where none was.
        shared: supernets in which they were judged.
    """
    return (
        f"# Held-out loss against true accuracy\n\n"
        f"{config.num_architectures} random architectures of {config.space} "
        f"(seed {config.seed}).{_trained_alone(config, images, objective)}"
        f"{_inside(shared)} The loss is negated. True accuracy: of the "
        f"benchmark, on {config.benchmark}. Parameters and MACs: of the "
        f"benchmark's network.\n\n"
        f"In brackets: {resampling.LEVEL:.0%} percentile-bootstrap intervals, "
        f"{config.resamples:,} resamples of the architectures, the same for "
        f"all predictors.\n\n"
    )


def _trained_alone(
    config: CorrelateConfig,
    images: ImageSource | None,
    objective: Objective | None,
) -> str:
    if objective is None:
        return ""
    return (
        f" Each trained alone at C={config.init_channels}, "
        f"{config.num_cells} cell(s) a stage, on {images.num_images // 2:,} "
        f"images of {images.name}, batch {config.batch_size}, SGD with "
        f"momentum {config.momentum} at a constant rate of "
        f"{config.weight_learning_rate}; the loss is the mean over "
        f"{objective.num_held_out:,} images of the other half."
    )


def _inside(shared: Sequence[SharedWeights]) -> str:
    return "".join(
        f" {each.name}: with the weights of that search's supernet after "
        f"{each.step:,} steps, mean over {each.num_held_out:,} images that "
        f"trained no weight."
        for each in shared
    )
