"""Builds the model that searches, from a configuration."""

from __future__ import annotations

import functools

from maenas_tf.algorithms import Algorithm, Stage
from maenas_tf.algorithms.alpha_noise import OFF, AlphaNoise, AlphaNoiseSettings
from maenas_tf.engine.optimization import SGD, Adam
from maenas_tf.models.supernet import Supernet
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.searcher import Searcher
from maenas_tf.skeletons import head_of, search_cells
from maenas_tf.spaces import Space
from maenas_tf.spaces.candidates import Candidates, narrowed
from maenas_tf.tasks import Task


def build_searcher(
    config: SearchConfig,
    space: Space,
    task: Task,
    algorithm: Algorithm,
    stage: Stage | None = None,
    candidates: Candidates | None = None,
    seed: int | None = None,
) -> Searcher:
    """Returns the supernet with the task's head, compiled for the search.

    Args:
        config: the configuration.
        space: that it names.
        task: that it names, made for the images.
        algorithm: that it names.
        stage: of the search; None takes the first, without warm-up.
        candidates: of the stage; None takes those of the first.
        seed: of what the algorithm draws; None takes the configuration's.
    """
    if stage is None:
        num_cells = config.num_cells or algorithm.num_cells
        whole = Stage(config.epochs, 0, search_cells(space, num_cells))
        stage = algorithm.stages(whole)[0]
    if candidates is None:
        candidates = algorithm.first_candidates(space)
    if seed is None:
        seed = config.seed
    architecture = algorithm.make_architecture(space, candidates)
    noise = None
    if config.perturb_alphas != OFF:
        settings = config.group(AlphaNoiseSettings)
        noise = AlphaNoise(settings, algorithm, architecture, seed)
    supernet = Supernet(
        narrowed(space, candidates),
        config.init_channels,
        stage.num_cells,
        task.build_head(head_of(space)),
        architecture,
        functools.partial(algorithm.make_edge, stage, architecture),
        task.input_size,
        config.stem,
        config.recompute,
    )
    searcher = Searcher(
        supernet,
        task,
        config.order,
        config.hessian_vector_product,
        config.weight_decay,
        config.alpha_weight_decay,
        config.clip_norm,
        algorithm.make_draw(space, seed),
        algorithm.penalty,
        config.alpha_clip_norm,
        noise,
    )
    # Named, or Keras counts them, and another run's checkpoint differs.
    searcher.compile(
        SGD(
            config.weight_learning_rate,
            config.momentum,
            config.nesterov,
            name="weight_optimizer",
        ),
        Adam(
            config.alpha_learning_rate,
            beta_1=config.alpha_momentum,
            beta_2=0.999,
            epsilon=1e-8,
            name="alpha_optimizer",
        ),
    )
    return searcher
