"""The configuration of a correlation experiment."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib

from maenas_tf.config import Config, ConfigError, SearchConfig, check

BENCHMARKS = ("cifar10", "cifar100", "imagenet16_120")

# What of a search has no meaning where single architectures are trained ...
_OF_THE_SEARCH_ALONE = {
    "space",
    "algorithm",
    "selection",
    "recompute",
    "order",
    "hessian_vector_product",
    "stem",
    "max_parameters",
    "max_macs",
    "eval_init_channels",
    "eval_num_cells",
    "epochs",
    "warmup_epochs",
    "weight_learning_rate_min",
    "alpha_learning_rate",
    "alpha_weight_decay",
    "alpha_average",
    "hessian_every",
    "tuning_epochs",
    "strategy",
    "num_replicas",
    "jit_compile",
}
# ... or has another default or meaning.
_OWN = {"task", "init_channels", "num_cells", "held_out_images"}

# The rest, whatever tasks have added, means here what it means there.
_Shared = dataclasses.make_dataclass(
    "_Shared",
    [
        (field.name, field.type, field.default)
        for field in dataclasses.fields(SearchConfig)
        if field.name not in _OF_THE_SEARCH_ALONE | _OWN
    ],
    bases=(Config,),
    namespace={"__doc__": SearchConfig.__doc__},
    frozen=True,
)


@dataclasses.dataclass(frozen=True)
class CorrelateConfig(_Shared):
    """Everything that decides the result of a correlation experiment.

    Single architectures of nasbench201 are trained as a search trains its
    weights: SGD with momentum, here at a constant rate, so that what is read
    after so many steps does not depend on how many follow.

    Attributes:
        task: one or more tasks, separated by commas; each architecture is
            trained on each. Empty: none, with --supernets.
        supernets: run directories of searches in nasbench201, separated by
            commas; each architecture is also judged inside their supernets,
            with the weights that these share.
        init_channels: channels of the first cells (C).
        num_cells: cells per stage.
        num_architectures: how many to draw, all different.
        at_steps: when to read the held-out loss; training ends at the last.
        held_out_images: how many images of the other half the loss is read
            on, rounded down to whole batches.
        benchmark: data set of the true accuracies: cifar10, cifar100 or
            imagenet16_120.
        resamples: of the bootstrap.
    """

    task: str = "mae"
    supernets: str = ""
    init_channels: int = 8
    num_cells: int = 1
    num_architectures: int = 20
    at_steps: str = "60,120,250,500,1000"
    held_out_images: int = 1024
    benchmark: str = "cifar10"
    resamples: int = 2000

    @property
    def tasks(self) -> list[str]:
        """The tasks, in the order given."""
        return self.task.split(",") if self.task else []

    @property
    def supernet_dirs(self) -> list[str]:
        """The run directories of the supernets, in the order given."""
        return self.supernets.split(",") if self.supernets else []

    @property
    def steps(self) -> list[int]:
        """The steps after which the loss is read, ascending."""
        return [int(text) for text in self.at_steps.split(",")]

    def search_config(self, task: str) -> SearchConfig:
        """Returns the search that has the same objective and network."""
        shared = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(_Shared)
        }
        return SearchConfig(
            **shared,
            space="nasbench201",
            task=task,
            init_channels=self.init_channels,
            num_cells=self.num_cells,
        )

    def validate(self) -> None:
        check(
            all(self.tasks) and len(set(self.tasks)) == len(self.tasks),
            "task",
            self.task,
            "give names of tasks, each once, separated by commas.",
        )
        check(
            bool(self.tasks or self.supernets),
            "task",
            self.task,
            "give at least one task, or --supernets.",
        )
        names = [pathlib.PurePath(path).name for path in self.supernet_dirs]
        check(
            all(names) and len(set(names)) == len(names),
            "supernets",
            self.supernets,
            "give run directories of different names, separated by commas.",
        )
        for task in self.tasks or ["mae"]:
            self.search_config(task).check_momentum()
        self.check_each(
            ("num_architectures",),
            lambda value: 2 <= value <= 15_625,
            "give a whole number from 2 to the 15,625 of the space.",
        )
        self.check_each(
            ("num_cells", "resamples"),
            lambda value: value >= 1,
            "give a whole number of at least 1.",
        )
        check(
            self.held_out_images >= self.batch_size,
            "held_out_images",
            self.held_out_images,
            f"give at least one batch, {self.batch_size}.",
        )
        check(
            self.benchmark in BENCHMARKS,
            "benchmark",
            self.benchmark,
            f"choose one of {', '.join(BENCHMARKS)}.",
        )
        self._check_steps()

    def _check_steps(self) -> None:
        wanted = "give ascending whole numbers above 0, separated by commas."
        try:
            steps = self.steps
        except ValueError as error:
            raise ConfigError(
                f"--at_steps={self.at_steps} is not valid: {wanted}"
            ) from error
        ascending = all(a < b for a, b in itertools.pairwise([0, *steps]))
        check(ascending, "at_steps", self.at_steps, wanted)
