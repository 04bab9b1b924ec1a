"""SDARTS: Chen and Hsieh, "Stabilizing Differentiable Architecture Search via
Perturbation-based Regularization" (2020), the random variant.

The weights of the supernet descend their loss at architecture weights that
are perturbed at random, so that they suit the neighbours too:

    a~ = a + delta,    delta ~ U(-eps, eps)
    eps = eps_0 + (eps_E - eps_0) e / E

in epoch e of E, counted from 0. The alphas' own step is not perturbed.
"""

from __future__ import annotations

import dataclasses

from etils import epy

from maenas_tf.algorithms.algorithm import Algorithm
from maenas_tf.algorithms.stage import Stage
from maenas_tf.config import NOT_NEGATIVE, Config, setting

with epy.lazy_imports():
    import keras
    import tensorflow as tf

    from maenas_tf.models import alphas

OFF = "off"
RANDOM = "random"


@dataclasses.dataclass(frozen=True)
class AlphaNoiseSettings(Config):
    """How the architecture weights of a weight step are perturbed."""

    perturb_alphas: str = setting(
        OFF,
        'make the weights\' steps at perturbed architecture weights: "random" '
        'adds uniform noise to them, another one each step (SDARTS); "off" '
        "does not.",
        choices=(OFF, RANDOM),
    )
    perturb_alphas_first: float = setting(
        0.03, "largest noise of the first epoch.", NOT_NEGATIVE
    )
    perturb_alphas_last: float = setting(
        0.3, "what it grows to, linearly over the epochs.", NOT_NEGATIVE
    )


class AlphaNoise:
    """Makes the edge weights of a weight step, perturbed.

    The noise is a function of the seed and of the number of weight steps done:
    the same on all replicas and after a resume.

    Args:
        settings: how much noise.
        algorithm: knows what its weights may be.
        architecture: the parameters that are perturbed.
        seed: of the noise.

    Attributes:
        rate: variable, the largest noise of the epoch.
        seed: variable, so that another seed needs no other graph.
    """

    def __init__(
        self,
        settings: AlphaNoiseSettings,
        algorithm: Algorithm,
        architecture: alphas.ArchitectureParameters,
        seed: int,
    ):
        self.settings = settings
        self.algorithm = algorithm
        self.architecture = architecture
        # A seed has up to 32 bits, of which an int32 has a sign's less.
        self.seed = keras.Variable(
            seed, dtype="int64", trainable=False, name="alpha_noise_seed"
        )
        self.rate = keras.Variable(
            0.0, dtype="float32", trainable=False, name="alpha_noise"
        )

    def start_epoch(self, stage: Stage, epoch: int) -> None:
        """Called before an epoch of a stage, counted from 0."""
        first = self.settings.perturb_alphas_first
        last = self.settings.perturb_alphas_last
        self.rate.assign(first + (last - first) * epoch / stage.epochs)

    def __call__(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns cell type to perturbed weights, [edges, primitives].

        Args:
            step: weight steps done, an int64 scalar.
        """
        rate = tf.convert_to_tensor(self.rate)
        seed = tf.convert_to_tensor(self.seed)
        found = {}
        for number, (kind, weights) in enumerate(
            self.architecture.edge_weights().items(), start=1
        ):
            # A seed has up to 32 bits: no two cell types share a stream.
            stream = seed + (number << 32)
            noise = tf.random.stateless_uniform(
                weights.shape, tf.stack([stream, step]), -1.0, 1.0, alg="philox"
            )
            exists = tf.constant(self.architecture.candidates[kind], tf.float32)
            moved = self.algorithm.perturbed(weights, rate * noise * exists)
            found[kind] = tf.where(rate > 0.0, moved, weights)
        return found
