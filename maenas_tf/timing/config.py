"""The configuration of a benchmark."""

from __future__ import annotations

import dataclasses

from maenas_tf.config import CHOICES, Config, ConfigError, SearchConfig, check
from maenas_tf.config.grid import parse_grid

# What can be timed (`benchmark_cases.py`), and the one that is weighed.
TIMED = (
    "search_step",
    "alpha_phase",
    "weight_phase",
    "first_step",
    "input",
    "retrain_step",
    "inference",
)
MEMORY = "memory"

# What of a search changes how long a step takes; it means here what it means
# there, with the same default.
_DECIDES_SPEED = {
    "space",
    "task",
    "algorithm",
    "order",
    "hessian_vector_product",
    "augment",
    "mask_ratio",
    "patch_size",
    "mask_fill",
    "decoder",
    "decoder_width",
    "loss_region",
    "target",
    "init_channels",
    "stem",
    "num_cells",
    "batch_size",
    "seed",
    "strategy",
    "num_replicas",
    "precision",
    "jit_compile",
    "recompute",
    "deterministic",
}

_Shared = dataclasses.make_dataclass(
    "_Shared",
    [
        (field.name, field.type, field.default)
        for field in dataclasses.fields(SearchConfig)
        if field.name in _DECIDES_SPEED
    ],
    bases=(Config,),
    namespace={"__doc__": SearchConfig.__doc__},
    frozen=True,
)


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig(_Shared):
    """What to time, at which size, and against what.

    Attributes:
        what: one or more of search_step (both phases), alpha_phase,
            weight_phase, first_step (tracing and one step), input,
            retrain_step, inference and memory, separated by commas.
        against: a second way to do it, timed in turn with the first:
            settings that differ, as order=second or recompute=true, ; between
            several; plain is short for implementation=plain.
        vary: settings to vary one at a time, each over a range, as
            init_channels=4,8,16;batch_size=16,32, instead of a comparison.
        implementation: of the candidates in the supernet: "fused" or "plain"
            (each its own Keras layers).
        image_size: side of the images, pixels.
        num_classes: of retrain_step and inference.
        steps: in one measurement.
        repeats: measurements of each.
    """

    what: str = "search_step"
    against: str = ""
    vary: str = ""
    implementation: str = "fused"
    image_size: int = 32
    num_classes: int = 10
    steps: int = 3
    repeats: int = 5

    def validate(self) -> None:
        self.check_runtime()
        self.check_each(
            ("image_size", "steps", "repeats", "num_classes"),
            lambda value: value >= 1,
            "give a whole number of at least 1.",
        )
        if self.implementation == "plain" and self.strategy == "mirrored":
            raise ConfigError(
                "--implementation=plain normalises each replica by itself; "
                "drop --strategy=mirrored."
            )
        if self.against and self.vary:
            raise ConfigError(
                f"--against={self.against} and --vary={self.vary} cannot go "
                f"together; drop one of the two."
            )
        self.search_config()

    @property
    def names(self) -> tuple[str, ...]:
        """What is asked for, in order.

        Raises:
            ConfigError: nothing is, something unknown, or something twice.
        """
        names = tuple(name.strip() for name in self.what.split(","))
        known = (*TIMED, MEMORY)
        for name in names:
            check(
                name in known and names.count(name) == 1,
                "what",
                self.what,
                f"give some of {', '.join(known)}, each once, with commas "
                f"between.",
            )
        return names

    def rival(self) -> BenchmarkConfig | None:
        """Returns the configuration of `against`, None without one.

        Raises:
            ConfigError: it names no setting, or several values of one.
        """
        if not self.against:
            return None
        text = self.against
        if text in CHOICES["implementation"]:
            text = f"implementation={text}"
        settings = parse_grid(text, "against", BenchmarkConfig)
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
        grid = parse_grid(self.vary, "vary", BenchmarkConfig)
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

    def _changed(self, flag: str, changes: dict) -> BenchmarkConfig:
        for name in changes:
            check(
                name not in ("what", "against", "vary", "steps", "repeats"),
                flag,
                name,
                "it is not a setting of what is timed.",
            )
        return self.replace(**{"against": "", "vary": "", **changes})

    def search_config(self) -> SearchConfig:
        """Returns the search that is timed.

        Raises:
            ConfigError: a value is out of range or conflicts with another.
        """
        shared = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(_Shared)
        }
        return SearchConfig(
            **shared, image_size=self.image_size, warmup_epochs=0
        )
