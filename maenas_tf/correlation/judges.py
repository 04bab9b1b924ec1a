"""What gives the losses of architectures, in this process or on a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.proxy import Objective
from maenas_tf.correlation.weight_sharing import SharedWeights
from maenas_tf.data.image_source import ImageSource
from maenas_tf.engine.devices import configure_runtime
from maenas_tf.engine.runtime import load_configured
from maenas_tf.runs.data_record import check_node
from maenas_tf.spaces import Genotype
from maenas_tf.tasks import TASKS


class Judges:
    """The objectives that architectures are trained on, and the supernets.

    Args:
        config: of the experiment.
        images: to train on; None loads those of the configuration.

    Attributes:
        shared: the supernets.
        images: that are trained on; None where nothing is trained.
        objectives: name of a task to what trains on it.

    Raises:
        ConfigError: settings and images do not fit together.
    """

    def __init__(
        self, config: CorrelateConfig, images: ImageSource | None = None
    ):
        self.config = config
        self.shared = [
            SharedWeights(path, config.space, config.held_out_images)
            for path in config.supernet_dirs
        ]
        configure_runtime(config)
        self.images, self.objectives = images, {}
        if config.tasks:
            labels = any(TASKS.get(t).reads_labels for t in config.tasks)
            self.images = images or load_configured(config, labels)

    def prepare(self) -> None:
        """Makes the objectives of the images."""
        self.objectives = {
            name: Objective(self.config, name, self.images)
            for name in self.config.tasks
        }

    @property
    def by_name(self) -> dict[str, tuple[Callable, int]]:
        """Name to what gives an architecture's losses, and its effort."""
        trained = {
            name: (objective.train, self.config.steps[-1])
            for name, objective in self.objectives.items()
        }
        return trained | {s.name: (s.judge, 1) for s in self.shared}


def make_judge(
    text: str, identity: Mapping[str, Any] | None
) -> Callable[[str, str], dict[int, float]]:
    """Returns what judges on a node: a genotype, by a name of `by_name`.

    Args:
        text: the configuration, as JSON.
        identity: of the images, as a dictionary; None where there are none.

    Raises:
        ConfigError: the images, or a supernet, are not there, or are others.
    """
    judges = Judges(CorrelateConfig.from_json(text))
    if identity is not None:
        now = judges.images.identity(judges.config.split)
        check_node(identity, now)
    judges.prepare()

    def judge(name: str, genotype: str) -> dict[int, float]:
        return judges.by_name[name][0](Genotype.from_string(genotype))

    return judge
