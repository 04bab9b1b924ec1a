"""What a benchmark times; each case is made ready once and then run often."""

from __future__ import annotations

import abc
import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.config import ConfigError
from maenas_tf.data.arrays import from_arrays
from maenas_tf.data.augment import make_augmentation
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.labelled import training_dataset
from maenas_tf.data.pipeline import bilevel_dataset
from maenas_tf.data.share import sharing
from maenas_tf.engine.devices import Strategy
from maenas_tf.engine.iterators import iterate
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.runtime import start_runtime
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.workers import Workers
from maenas_tf.models.network import Network
from maenas_tf.registry import Registry
from maenas_tf.searching.build import build_searcher
from maenas_tf.skeletons import search_cells
from maenas_tf.spaces import SPACES
from maenas_tf.tasks.objective import build_task
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.training.retrainer import Retrainer

CASES: Registry = Registry("benchmark")

# Batches of the images that the input pipeline runs through.
_PIPELINE_BATCHES = 40


class Case(abc.ABC):
    """Something to time.

    Args:
        config: of the benchmark.

    Attributes:
        images: that one step deals with.
        warm_up: steps before the first measurement.
        multiple: steps in a measurement for each that is asked for.
    """

    warm_up = 2
    multiple = 1

    def __init__(self, config: BenchmarkConfig):
        self.config = config
        self.images = config.batch_size

    @abc.abstractmethod
    def run(self, steps: int) -> None:
        """Runs so many steps, to their end."""


def random_images(config: BenchmarkConfig, batches: int) -> ImageSource:
    """Returns noise with labels: what is shown changes no time."""
    rng = np.random.default_rng(config.seed)
    count = 2 * batches * config.batch_size
    shape = (count, config.image_size, config.image_size, 3)
    labels = np.arange(count) % config.num_classes
    return from_arrays(
        rng.integers(0, 256, shape, dtype=np.uint8), labels=labels
    )


class SearchCase(Case):
    """A step of the search, on one batch over and over.

    The batch is made before: the input pipeline is timed by itself.
    """

    update_alphas = True
    update_weights = True

    def __init__(self, config: BenchmarkConfig):
        super().__init__(config)
        search = config.search_config()
        self.strategy = start_runtime(config)
        self.image_set = random_images(config, self._batches())
        space = SPACES.get_for_flag("space", search.space)
        self.task = build_task(
            search,
            space,
            self.image_set.image_size,
            self.image_set.num_classes,
        )
        algorithm = ALGORITHMS.get_for_flag("algorithm", search.algorithm)()
        algorithm.settings = search.group(type(algorithm.settings))
        if config.implementation != "fused":
            algorithm.make_edge = functools.partial(
                algorithm.make_edge, implementation=config.implementation
            )
        if not algorithm.trains:
            raise ConfigError(
                f"--what={config.what} is about a step, and --algorithm="
                f"{search.algorithm} makes none; choose another one of them."
            )
        if not algorithm.trains_alphas:
            if not self.update_weights:
                raise ConfigError(
                    f"--what={config.what} is about alphas, and --algorithm="
                    f"{search.algorithm} has none; choose another one of them."
                )
            self.update_alphas = False
        with self.strategy.scope():
            self.searcher = build_searcher(search, space, self.task, algorithm)
        self.searcher.update_alphas = self.update_alphas
        self.searcher.update_weights = self.update_weights
        self.images *= self.update_alphas + self.update_weights
        self.runner = StepRunner(
            self.searcher, self.strategy, search.jit_compile
        )
        self.iterator = self._iterator()

    def _batches(self) -> int:
        return 1

    def _dataset(self, epoch: int = 0) -> tf.data.Dataset:
        return bilevel_dataset(
            self.image_set,
            example_map=self.task.map,
            batch_size=self.config.batch_size,
            seed=self.config.seed,
            epoch=epoch,
            augmentation=make_augmentation(self.config),
            with_labels=self.task.reads_labels,
        )

    def _iterator(self) -> Iterator:
        return _repeat(self._dataset, self.strategy)

    def run(self, steps):
        self.runner(self.iterator, steps)


@CASES.register("search_step")
class SearchStep(SearchCase):
    """Both phases."""


@CASES.register("alpha_phase")
class AlphaPhase(SearchCase):
    """The alphas' phase alone."""

    update_weights = False


@CASES.register("weight_phase")
class WeightPhase(SearchCase):
    """The weights' phase alone, as in the warm-up."""

    update_alphas = False


@CASES.register("first_step")
class FirstStep(SearchCase):
    """Tracing the graph of a step, and running it once."""

    warm_up = 0

    def run(self, steps):
        for _ in range(steps):
            self.searcher.supernet.trunk.functions.clear()
            jit_compile = self.runner.jit_compile
            runner = StepRunner(self.searcher, self.strategy, jit_compile)
            with _retracing_is_meant():
                runner(self.iterator, 1)


@CASES.register("input")
class Input(SearchCase):
    """The input pipeline: reading, augmenting, masking, batching.

    A step of the search consumes one of its pairs of batches.
    """

    multiple = 20  # It takes a fraction of the time of a step.

    def _batches(self) -> int:
        return _PIPELINE_BATCHES

    def _iterator(self):
        return itertools.chain.from_iterable(
            self._dataset(epoch) for epoch in itertools.count()
        )

    def run(self, steps):
        for _ in range(steps):
            next(self.iterator)


class NetworkCase(Case):
    """A found network; which one hardly matters, a random one is drawn."""

    def __init__(self, config: BenchmarkConfig):
        super().__init__(config)
        if config.implementation != "fused":
            raise ConfigError(
                f"--implementation={config.implementation} is one of the "
                f"supernet; --what={config.what} has a part without it."
            )
        self.strategy = start_runtime(config)
        space = SPACES.get_for_flag("space", config.space)
        genotype = space.random_genotype(np.random.default_rng(config.seed))
        with self.strategy.scope():
            self.network = Network(
                genotype,
                config.num_classes,
                config.init_channels,
                search_cells(space, config.num_cells),
                config.image_size,
                config.stem,
            )


@CASES.register("retrain_step")
class RetrainStep(NetworkCase):
    """A step of training a found network with labels."""

    def __init__(self, config: BenchmarkConfig):
        super().__init__(config)
        with self.strategy.scope():
            retrainer = Retrainer(self.network)
            retrainer.compile(SGD(0.025, 0.9, name="optimizer"))
        self.runner = StepRunner(retrainer, self.strategy, config.jit_compile)
        images = random_images(config, 1)
        make = functools.partial(
            training_dataset,
            images,
            np.arange(images.num_images),
            batch_size=config.batch_size,
            seed=config.seed,
            epoch=0,
            augmentation=make_augmentation(config),
        )
        self.iterator = _repeat(make, self.strategy)

    def run(self, steps):
        self.runner(self.iterator, steps)


@CASES.register("inference")
class Inference(NetworkCase):
    """A batch of images to logits, on one device."""

    def __init__(self, config: BenchmarkConfig):
        super().__init__(config)
        size = config.image_size
        shape = (config.batch_size, size, size, 3)
        rng = np.random.default_rng(config.seed)
        self.batch = tf.constant(rng.normal(size=shape), tf.float32)
        self.function = tf.function(
            functools.partial(self.network, training=False),
            jit_compile=config.jit_compile or None,
        )

    def run(self, steps):
        for _ in range(steps):
            self.function(self.batch).numpy()


@contextlib.contextmanager
def _retracing_is_meant() -> Iterator[None]:
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _repeat(
    make: Callable[[], tf.data.Dataset], strategy: Strategy
) -> Iterator:
    """Returns the first batch for ever, on whatever devices there are."""
    share = Workers(strategy).share

    def make_first(context: Any = None) -> tf.data.Dataset:
        del context
        with sharing(share):
            return make().take(share.replicas).cache().repeat()

    return iterate(strategy, make_first)
