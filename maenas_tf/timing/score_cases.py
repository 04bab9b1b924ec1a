"""Candidates judged as they are initialised, and each built as a network."""

from __future__ import annotations

import numpy as np

from maenas_tf.config import ConfigError, check
from maenas_tf.engine.runtime import start_runtime
from maenas_tf.models.network import Network
from maenas_tf.models.shared_network import SharedNetwork
from maenas_tf.scores import SCORES
from maenas_tf.scores.joint import JointScore
from maenas_tf.scores.patterns import MOST_IMAGES
from maenas_tf.scores.start import Start, noise
from maenas_tf.skeletons import NetworkSize, search_cells
from maenas_tf.spaces import SPACES
from maenas_tf.timing.cases import CASES, Case
from maenas_tf.timing.config import BenchmarkConfig


class CandidateCase(Case):
    """Random candidates one after the other, the same for all cases."""

    def __init__(self, config: BenchmarkConfig):
        super().__init__(config)
        if config.implementation != "fused":
            raise ConfigError(
                f"--implementation={config.implementation} is one of the "
                f"supernet; --what={config.what} has a part without it."
            )
        check(
            config.batch_size <= MOST_IMAGES,
            "batch_size",
            config.batch_size,
            f"untrained candidates are shown at most {MOST_IMAGES} images; "
            f"a search shows 16.",
        )
        start_runtime(config)
        self.space = SPACES.get_for_flag("space", config.space)
        self.size = NetworkSize(
            config.init_channels,
            search_cells(self.space, config.num_cells),
            config.image_size,
            config.num_classes,
            config.stem,
        )
        self.noise = noise(config.image_size, config.seed, config.batch_size)
        self.rng = np.random.default_rng(config.seed)


@CASES.register("scores")
class Scores(CandidateCase):
    """All scores of an untrained candidate, as a training-free search does."""

    def __init__(self, config: BenchmarkConfig):
        super().__init__(config)
        network = SharedNetwork(self.space, self.size, config.seed)
        start = Start(network, self.noise)
        scores = [SCORES.get(name) for name in SCORES.names()]
        self.judge = JointScore(
            [s(size=self.size, start=start) for s in scores if s.needs_start]
        )

    def run(self, steps):
        genotypes = [self.space.random_genotype(self.rng) for _ in range(steps)]
        self.judge({}, genotypes)


@CASES.register("built_network")
class BuiltNetwork(CandidateCase):
    """A candidate's network made by Keras, and one forward pass: no score."""

    def run(self, steps):
        for _ in range(steps):
            network = Network(
                self.space.random_genotype(self.rng),
                self.size.num_classes,
                self.size.init_channels,
                self.size.num_cells,
                self.size.image_size,
                self.size.stem,
            )
            network(self.noise, training=True).numpy()
