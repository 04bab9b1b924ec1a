"""Times and memory of everything that takes them, two ways in turn."""

from __future__ import annotations

import concurrent.futures
import datetime
import gc
import multiprocessing
from typing import Any

import tensorflow as tf

from maenas_tf.config import MULTI_WORKER, ConfigError
from maenas_tf.engine.console import ProgressBar, say, silent_stderr
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.runtime import versions
from maenas_tf.timing import score_cases as score_cases
from maenas_tf.timing.cases import CASES, Case, SearchStep
from maenas_tf.timing.commits import compare_commits
from maenas_tf.timing.config import MEMORY, OPERATIONS, BenchmarkConfig
from maenas_tf.timing.machine import machine
from maenas_tf.timing.measuring import measure, weigh
from maenas_tf.timing.operations import count_operations
from maenas_tf.timing.places import compare_places
from maenas_tf.timing.revision import present_commit


class Benchmark:
    """Times what a configuration names.

    With `against` the two are measured in turn, A B A B, so that what else
    the machine does meets both; the figure to trust is the ratio of
    neighbours. Memory is that of a process of its own for each.

    Args:
        config: the configuration.

    Raises:
        ConfigError: a name or a value in it is not valid.
    """

    def __init__(self, config: BenchmarkConfig):
        if config.strategy == MULTI_WORKER:
            raise ConfigError(
                f"--strategy={config.strategy} needs several processes, which "
                f"--places={config.strategy}:2 starts; give it instead."
            )
        self.config = config
        self.names = config.names
        self.measured = [name for name in self.names if name != OPERATIONS]
        self.variations = config.variations()
        self.places = config.parsed_places()
        if self.variations and set(self.names) & {"input", "first_step"}:
            raise ConfigError(
                f"--vary={config.vary} is for steps and memory; drop input "
                f"and first_step from --what={config.what}."
            )
        self.sides = config.sides()

    def run(self) -> dict[str, Any]:
        """Measures; returns what `benchmark.json` holds."""
        now = datetime.datetime.now(datetime.UTC)
        report = {
            "when": now.isoformat(timespec="seconds"),
            "commit": present_commit(),
            "config": self.config.to_dict(),
            "versions": versions(),
            "machine": machine(),
        }
        with OwnRuntime():
            if self.places:
                report["places"] = {
                    name: compare_places(name, self.config, self.places)
                    for name in self.names
                }
            elif self.variations:
                report["scaling"] = self._vary()
            elif self.config.revision:
                report["results"] = compare_commits(self.config)
            else:
                report["results"] = self._compare()
            if OPERATIONS in self.names:
                say("tracing the operations of a step")
                report["operations"] = count_operations(self.config)
        return report

    def _compare(self) -> dict[str, list[dict[str, Any]]]:
        """Returns a name to what was measured, for each side."""
        results = {}
        for name in self.measured:
            if name == MEMORY:
                results[name] = [_memory(side) for side in self.sides]
        timed = [name for name in self.measured if name != MEMORY]
        cases = [
            (name, [_ready(name, side) for side in self.sides])
            for name in timed
        ]
        for name, sides in cases:
            results[name] = [_record(case) for case in sides]
        with ProgressBar(
            self.config.repeats * len(cases) * len(self.sides),
            unit="measurement",
        ) as bar:
            for case in (case for _, sides in cases for case in sides):
                # While the others were traced, its memory may have gone.
                case.run(min(case.warm_up, 1))
            for _ in range(self.config.repeats):
                for name, sides in cases:
                    for case, result in zip(sides, results[name], strict=True):
                        _measure(case, self.config.steps, result)
                        bar.update()
        return {name: results[name] for name in self.measured}

    def _vary(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Returns a setting, and a name, to what was measured at each value."""
        points = sum(len(configs) for configs in self.variations.values())
        scaling: dict[str, dict[str, list[dict[str, Any]]]] = {}
        with ProgressBar(points * len(self.names), unit="point") as bar:
            for setting, configs in self.variations.items():
                scaling[setting] = {name: [] for name in self.names}
                for config in configs:
                    for name in self.names:
                        point = self._point(name, config)
                        point["value"] = getattr(config, setting)
                        scaling[setting][name].append(point)
                        bar.update()
        return scaling

    def _point(self, name: str, config: BenchmarkConfig) -> dict[str, Any]:
        if name == MEMORY:
            return _memory(config)
        case = _ready(name, config)
        result = _record(case)
        for _ in range(self.config.repeats):
            _measure(case, self.config.steps, result)
        del case
        gc.collect()  # Graphs hold themselves in circles.
        return result


def _ready(name: str, config: BenchmarkConfig) -> Case:
    """Builds a case, traces its graph and warms it up."""
    say(f"preparing {name}")
    case = CASES.get(name)(config)
    if case.warm_up:
        case.run(1)
        case.run(case.warm_up)
    return case


def _record(case: Case) -> dict[str, Any]:
    return {"images": case.images, "seconds": [], "cpu_seconds": []}


def _measure(case: Case, steps: int, result: dict[str, Any]) -> None:
    measure(case.run, steps * case.multiple, result)


def _memory(config: BenchmarkConfig) -> dict[str, Any]:
    """Returns the peak of two steps of the search, MB.

    Of a process of its own: what one case has freed another would reuse.
    """
    say("weighing a step in a process of its own")
    context = multiprocessing.get_context("spawn")
    try:
        with (
            silent_stderr(),  # TensorFlow loads; errors come by the pool.
            concurrent.futures.ProcessPoolExecutor(1, context) as pool,
        ):
            return pool.submit(_weigh, config).result()
    except (
        tf.errors.ResourceExhaustedError,
        concurrent.futures.process.BrokenProcessPool,
    ) as error:
        raise ConfigError(
            f"--what={MEMORY}: the memory does not suffice for a step of "
            f"--batch_size={config.batch_size} and "
            f"--init_channels={config.init_channels}; give less."
        ) from error


def _weigh(config: BenchmarkConfig) -> dict[str, Any]:
    return weigh(SearchStep(config).run)
