"""The configuration of a correlation experiment."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib

from maenas_tf.config import (
    AT_LEAST_ONE,
    ConfigError,
    DataSettings,
    Range,
    RuntimeSettings,
    check,
    setting,
)
from maenas_tf.searching.config import WeightSettings
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.architectures import Architectures
from maenas_tf.tasks import TASKS
from maenas_tf.tasks.objective import ObjectiveSettings

# What has a part in comparing scores that are there.
_OF_CANDIDATES = {
    "candidates",
    "sums",
    "score_rule",
    "benchmark",
    "benchmark_file",
    "resamples",
    "seed",
}
BENCHMARKS = ("cifar10", "cifar100", "imagenet16_120")


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class CorrelateConfig(
    ObjectiveSettings, RuntimeSettings, WeightSettings, DataSettings
):
    """Everything that decides the result of a correlation experiment.

    Single architectures are trained as a search trains its weights: SGD with
    momentum, here at a constant rate, so that what is read after so many
    steps does not depend on how many follow.
    """

    space: str = setting(
        "nasbench201",
        "search space of the architectures, one whose true accuracies are "
        "known.",
        choices=("nasbench201", "macro"),
    )
    task: str = setting(
        "mae",
        "one or more tasks, separated by commas; each architecture is trained "
        "on each. Empty: none, with --supernets.",
        registry=TASKS,
    )
    supernets: str = setting(
        "",
        "run directories of searches in the space, separated by commas; "
        "each architecture is also judged inside their supernets, with the "
        "weights that these share.",
    )
    candidates: str = setting(
        "",
        "run directories of searches that scored candidates, separated by "
        "commas: their scores are correlated and nothing is trained.",
    )
    sums: str = setting(
        "",
        "with --candidates: sums of scores, each names joined by +, separated "
        "by commas.",
    )
    score_rule: str = setting(
        "log_ranks",
        "with --candidates: how scores are added up.",
        choices=("log_ranks", "z_scores"),
    )
    benchmark_file: str = setting(
        "",
        "NAS-Bench-Macro's JSON file, for --space=macro, and for --candidates "
        "of searches in macro.",
    )
    init_channels: int = setting(
        8, "channels of the first cells (C).", AT_LEAST_ONE
    )
    num_cells: int = setting(1, "cells per stage; a chain has 1.", AT_LEAST_ONE)
    num_architectures: int = setting(
        20,
        "how many to draw, all different.",
        Range(
            "give a whole number from 2 to the 15,625 of nasbench201.",
            least=2,
            most=15_625,
        ),
    )
    at_steps: str = setting(
        "60,120,250,500,1000",
        "when to read the held-out loss; training ends at the last.",
    )
    held_out_images: int = setting(
        1024,
        "how many images of the other half the loss is read on, rounded down "
        "to whole batches.",
    )
    benchmark: str = setting(
        "cifar10",
        "data set of the true accuracies.",
        choices=BENCHMARKS,
    )
    resamples: int = setting(2000, "of the bootstrap.", AT_LEAST_ONE)

    @property
    def tasks(self) -> list[str]:
        """The tasks, in the order given."""
        return self.task.split(",") if self.task else []

    @property
    def supernet_dirs(self) -> list[str]:
        """The run directories of the supernets, in the order given."""
        return self.supernets.split(",") if self.supernets else []

    @property
    def candidate_dirs(self) -> list[str]:
        """The run directories of searches that scored, in the order given."""
        return self.candidates.split(",") if self.candidates else []

    @property
    def sum_names(self) -> list[str]:
        """The sums of scores, in the order given."""
        return self.sums.split(",") if self.sums else []

    @property
    def steps(self) -> list[int]:
        """The steps after which the loss is read, ascending."""
        return [int(text) for text in self.at_steps.split(",")]

    def validate(self) -> None:
        super().validate()
        check(
            bool(self.candidates or not self.sums),
            "sums",
            self.sums,
            "it has no effect without --candidates; drop it.",
        )
        check(
            bool(self.candidates or self.score_rule == "log_ranks"),
            "score_rule",
            self.score_rule,
            "it has no effect without --candidates; drop it.",
        )
        if self.candidates:
            self._check_directories("candidates", self.candidate_dirs)
            changed = set(self.differences(type(self)())) - _OF_CANDIDATES
            for name in sorted(changed):
                raise ConfigError(
                    f"--{name}={getattr(self, name)} has no effect with "
                    f"--candidates, which computes nothing anew; drop it."
                )
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
        self._check_directories("supernets", self.supernet_dirs)
        check(
            self.held_out_images >= self.batch_size,
            "held_out_images",
            self.held_out_images,
            f"give at least one batch, {self.batch_size}.",
        )
        self._check_steps()
        count = Architectures(SPACES.get(self.space)).count
        check(
            self.num_architectures <= count,
            "num_architectures",
            self.num_architectures,
            f"--space={self.space} has {count:,}; give at most so many.",
        )

    def _check_directories(self, setting: str, paths: list[str]) -> None:
        names = [pathlib.PurePath(path).name for path in paths]
        check(
            all(names) and len(set(names)) == len(names),
            setting,
            getattr(self, setting),
            "give run directories of different names, separated by commas.",
        )

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
