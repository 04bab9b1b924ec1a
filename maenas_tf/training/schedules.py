"""What of a training changes from epoch to epoch."""

from __future__ import annotations

from maenas_tf.engine.loop import cosine_rate
from maenas_tf.training.config import TrainConfig


def learning_rate(config: TrainConfig, epoch: int) -> float:
    """Returns the learning rate of an epoch, counted from 0.

    cosine:       min + (initial - min) (1 + cos(pi epoch / epochs)) / 2
    linear:       min + (initial - min) (1 - epoch / epochs)
    exponential:  initial decay^epoch

    each multiplied by (epoch + 1) / warmup_epochs in the warm-up's epochs
    (as in the ImageNet training of Chen et al., "P-DARTS", 2019).
    """
    initial, final = config.learning_rate, config.learning_rate_min
    if config.schedule == "cosine":
        rate = cosine_rate(initial, final, epoch, config.epochs)
    elif config.schedule == "linear":
        rate = final + (initial - final) * (1.0 - epoch / config.epochs)
    else:
        rate = initial * config.learning_rate_decay**epoch
    if epoch < config.warmup_epochs:
        rate *= (epoch + 1) / config.warmup_epochs
    return rate


def drop_path_rate(config: TrainConfig, epoch: int) -> float:
    """Returns the drop-path rate of an epoch: drop_path * epoch / epochs."""
    return config.drop_path * epoch / config.epochs
