"""Adds an algorithm: DARTS with a softmax that sharpens from epoch to epoch.

The weights of an edge are softmax(alpha / T), and the temperature T falls from
1 in the first epoch to `final_temperature` in the last.

    python -m docs.examples.add_algorithm
"""

from __future__ import annotations

import dataclasses

import keras
import sklearn.datasets
import tensorflow as tf

import maenas_tf as mn
from maenas_tf.algorithms import ALGORITHMS, Algorithm
from maenas_tf.config import POSITIVE, Config, setting
from maenas_tf.models import alphas


@dataclasses.dataclass(frozen=True)
class SharpDartsSettings(Config):
    """How sharp the softmax becomes."""

    final_temperature: float = setting(
        0.1, "divides the alphas in the last epoch; it is 1 first", POSITIVE
    )


@ALGORITHMS.register("sharp_darts")
class SharpDarts(Algorithm):
    """Only what differs from DARTS stands here."""

    settings = SharpDartsSettings()

    def parameters(self, space):
        """Adds the temperature, a number that no optimizer moves."""
        first = keras.initializers.Ones()
        temperature = alphas.Parameter((), first, trainable=False)
        return {**super().parameters(space), "temperature": temperature}

    def edge_weights(self, values, cell_type):
        """Returns softmax(alpha / T), [edges, primitives]."""
        logits = values[f"alphas_{cell_type.name}"]
        return tf.nn.softmax(logits / values["temperature"], axis=-1)

    def start_epoch(self, stage, epoch, supernet):
        """Lets T fall by the same factor each epoch."""
        part = epoch / max(stage.epochs - 1, 1)
        temperature = self.settings.final_temperature**part
        supernet.architecture.arrays["temperature"].assign(temperature)


def main() -> mn.SearchResult:
    """Searches with the algorithm, on 64 digits."""
    digits = sklearn.datasets.load_digits().images[:64, :, :, None] / 16
    result = mn.search(
        digits,
        algorithm="sharp_darts",
        final_temperature=0.5,
        space="nasbench201",
        image_size=16,
        patch_size=4,
        init_channels=2,
        num_cells=1,
        batch_size=16,
        epochs=2,
        warmup_epochs=0,
    )
    print(result.genotype)
    return result


if __name__ == "__main__":
    main()
