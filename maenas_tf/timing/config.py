"""The configuration of a benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from maenas_tf.config import (
    AT_LEAST_ONE,
    BatchSettings,
    ConfigError,
    check,
    setting,
)
from maenas_tf.config.grid import check_distinct, parse_grid
from maenas_tf.searching.config import SearchConfig, StepSettings
from maenas_tf.timing.measuring import MEMORY
from maenas_tf.timing.place import Place

# What can be timed (`cases.py`), and the one that is weighed.
TIMED = (
    "search_step",
    "alpha_phase",
    "weight_phase",
    "first_step",
    "input",
    "retrain_step",
    "inference",
    "scores",
    "built_network",
)
# What a step consists of, by kind; neither timed nor weighed.
OPERATIONS = "operations"
# What --against begins with where it names a commit: no setting has a colon.
COMMIT = "commit:"
# Settings that say how a thing is measured and what else is, not what it is.
MEASUREMENT = ("what", "against", "vary", "places", "steps", "repeats")
# Those that replicas make together.
STEPS = ("search_step", "alpha_phase", "weight_phase", "retrain_step")


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class BenchmarkConfig(StepSettings, BatchSettings):
    """What to time, at which size, and against what.

    What of a search changes how long a step takes means here what it means
    there, with the same default.
    """

    what: str = setting(
        "search_step",
        "one or more of search_step (both phases), alpha_phase, weight_phase, "
        "first_step (tracing and one step), input, retrain_step, inference, "
        "scores (all, of an untrained candidate), built_network (one made by "
        "Keras instead, and a forward pass), memory and operations (where the "
        "time of search_step goes, and what bounds it), separated by commas.",
    )
    against: str = setting(
        "",
        "a second way to do it, timed in turn with the first: settings that "
        "differ, as order=second or recompute=true, ; between several; plain "
        "is short for implementation=plain; commit:REVISION is the same thing "
        "as this project did it at another commit (a hash, branch, tag or "
        "HEAD~2), in a process of its own.",
    )
    vary: str = setting(
        "",
        "settings to vary one at a time, each over a range, as "
        "init_channels=4,8,16;batch_size=16,32, instead of a comparison.",
    )
    places: str = setting(
        "",
        "numbers of processes and replicas of this machine's CPU to time "
        "steps on, in turn, at the same batch_size, as "
        "one_device,mirrored:2,multi_worker:2,multi_worker:2x2 (workers x "
        "replicas), instead of a comparison.",
    )
    implementation: str = setting(
        "fused",
        'of the candidates in the supernet: "fused" or "plain" (each its own '
        "Keras layers).",
        choices=("fused", "plain"),
    )
    image_size: int = setting(32, "side of the images, pixels.", AT_LEAST_ONE)
    num_classes: int = setting(
        10, "of retrain_step and inference.", AT_LEAST_ONE
    )
    steps: int = setting(3, "in one measurement.", AT_LEAST_ONE)
    repeats: int = setting(5, "measurements of each.", AT_LEAST_ONE)

    def validate(self) -> None:
        super().validate()
        if self.against and self.vary:
            raise ConfigError(
                f"--against={self.against} and --vary={self.vary} cannot go "
                f"together; drop one of the two."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """What is asked for, in order.

        Raises:
            ConfigError: nothing is, something unknown, or something twice.
        """
        names = tuple(name.strip() for name in self.what.split(","))
        known = (*TIMED, MEMORY, OPERATIONS)
        for name in names:
            check(
                name in known and names.count(name) == 1,
                "what",
                self.what,
                f"give some of {', '.join(known)}, each once, with commas "
                f"between.",
            )
        if OPERATIONS in names and (self.against or self.vary or self.places):
            raise ConfigError(
                f"--what={OPERATIONS} tells of one way to do it; drop "
                f"--against, --vary and --places."
            )
        return names

    @property
    def revision(self) -> str:
        """The commit that `against` names, "" where it names none.

        Raises:
            ConfigError: nothing follows the colon.
        """
        if not self.against.startswith(COMMIT):
            return ""
        revision = self.against.removeprefix(COMMIT).strip()
        check(
            bool(revision),
            "against",
            self.against,
            f"give a hash, branch or tag after it, as {COMMIT}HEAD~1.",
        )
        return revision

    def sides(self) -> list[BenchmarkConfig]:
        """Returns this configuration and, with `against`, its rival.

        Raises:
            ConfigError: `against` names no setting, or several values of one.
        """
        rival = self.rival()
        return [self] if rival is None else [self, rival]

    def rival(self) -> BenchmarkConfig | None:
        """Returns the configuration of `against`, None without another one.

        Raises:
            ConfigError: it names no setting, or several values of one.
        """
        if not self.against or self.revision:
            return None
        text = self.against
        if text in self.settings()["implementation"].choices:
            text = f"implementation={text}"
        settings = parse_grid(
            text, BenchmarkConfig.defaults(), "against", "tools.benchmark"
        )
        for name, values in settings.items():
            if len(values) > 1:
                raise ConfigError(
                    f"--against={self.against} gives {name} {len(values)} "
                    f"values; give one (--vary takes several)."
                )
        changes = {name: values[0] for name, values in settings.items()}
        return self._changed("against", changes)

    def variations(self) -> dict[str, list[BenchmarkConfig]]:
        """Returns setting to a configuration for each of its values.

        Raises:
            ConfigError: `vary` names what is no number.
        """
        grid = parse_grid(
            self.vary, BenchmarkConfig.defaults(), "vary", "tools.benchmark"
        )
        for name, values in grid.items():
            if any(isinstance(v, str) or v <= 0 for v in values):
                raise ConfigError(
                    f"--vary={self.vary} varies {name} over what is no "
                    f"positive number; --against compares other settings."
                )
        return {
            name: [self._changed("vary", {name: value}) for value in values]
            for name, values in grid.items()
        }

    def parsed_places(self) -> tuple[Place, ...]:
        """Returns where to time a step; nothing without `places`.

        Raises:
            ConfigError: a place is none, or what is timed is no step.
        """
        if not self.places:
            return ()
        check(
            not (self.against or self.vary) and self.strategy == "auto",
            "places",
            self.places,
            "it goes without --against, --vary and --strategy; drop these.",
        )
        check(
            set(self.names) <= set(STEPS),
            "places",
            self.places,
            f"it is about steps; give --what some of {', '.join(STEPS)}.",
        )
        places = tuple(map(Place.parse, self.places.split(",")))
        check_distinct(f"--places={self.places}", [p.name for p in places])
        for place in places:
            replicas = place.workers * max(place.replicas, 1)
            check(
                self.batch_size % replicas == 0,
                "batch_size",
                self.batch_size,
                f"the {replicas} replicas of --places={place.name} cannot "
                f"share it equally; give a multiple of {replicas}.",
            )
        return places

    @staticmethod
    def of_a_thing(values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns those of the settings that say what is timed."""
        return {k: v for k, v in values.items() if k not in MEASUREMENT}

    def _changed(self, flag: str, changes: dict) -> BenchmarkConfig:
        for name in changes:
            check(
                name not in MEASUREMENT,
                flag,
                name,
                "it is not a setting of what is timed.",
            )
        return self.replace(**{"against": "", "vary": "", **changes})

    def search_config(self) -> SearchConfig:
        """Returns the search that is timed."""
        shared = {
            name: getattr(self, name)
            for group in (StepSettings, BatchSettings)
            for name in group.settings()
        }
        return SearchConfig(
            **shared, image_size=self.image_size, warmup_epochs=0
        )
