"""Where a step's time goes, by kind of operation, and what bounds it."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from maenas_tf.reports.grouping import number
from maenas_tf.reports.tables import Table
from maenas_tf.timing.cases import SearchStep
from maenas_tf.timing.config import BenchmarkConfig

# Of the measurements of what the machine can do at best.
_TRIES = 8
_COPIED = 2**24  # numbers: 64 MB, more than a cache holds
_MATRIX = 1024
_FILTERED = "Conv2D", "DepthwiseConv2dNative"
_SHOWN = 20
OTHERS = "others, and without known shapes"


@dataclasses.dataclass(frozen=True)
class Work:
    """What an operation has to do.

    Attributes:
        kind: its type, and of a convolution the size of the kernel.
        bytes: of all that it reads and writes.
        flops: additions and multiplications.
    """

    kind: str
    bytes: int
    flops: int

    @classmethod
    def of(cls, op: tf.Operation) -> Work | None:
        """Returns that of an operation of a graph, None of unknown shapes."""
        if not op.outputs or not op.outputs[0].shape.is_fully_defined():
            return None
        tensors = [*op.inputs, *op.outputs]
        moved = sum(
            tensor.shape.num_elements() * tensor.dtype.size
            for tensor in tensors
            if tensor.shape.is_fully_defined() and tensor.dtype.size
        )
        flops, kind = op.outputs[0].shape.num_elements(), op.type
        if op.type.startswith(_FILTERED):
            size, flops = _of_convolution(op)
            kind = f"{op.type} {size}"
        return cls(kind, moved, flops)


def _of_convolution(op: tf.Operation) -> tuple[str, int]:
    """Returns the size of a kernel, as 3x3, and the flops."""
    backward = op.type.rpartition("Backprop")[2]
    kernel, image = op.inputs[1], op.outputs[0]
    if backward == "Filter":
        kernel, image = op.outputs[0], op.inputs[2]
    elif backward == "Input":
        image = op.inputs[2]
    height, width, channels, _ = kernel.shape
    sums = height * width
    if not op.type.startswith("Depthwise"):
        sums *= channels
    return f"{height}x{width}", 2 * image.shape.num_elements() * sums


def count_operations(config: BenchmarkConfig) -> dict[str, Any]:
    """Traces one step of the search, warmed up.

    Args:
        config: of the benchmark.

    Returns:
        "seconds" of the step, the machine's "bytes_per_second" and
        "flops_per_second" at best, and "kinds": for each kind of operation
        its name, calls, seconds, bytes and flops. The seconds are the
        operations' shares in those of the step: cores work at the same time.
    """
    case = SearchStep(config)
    case.run(1)
    case.run(case.warm_up)
    known = dict(_works(case.runner.graph(case.iterator), ""))
    seconds, events = _trace(lambda: case.run(1))
    kinds: dict[str, dict[str, Any]] = collections.defaultdict(
        lambda: {"calls": 0, "seconds": 0.0, "bytes": 0, "flops": 0}
    )
    for name, kind, length in events:
        # What oneDNN computes has its own type and the same name.
        kind = kind.removeprefix("_Mkl").removeprefix("Native")
        work = known.get((name, kind)) or Work(OTHERS, 0, 0)
        row = kinds[work.kind]
        row["calls"] += 1
        row["seconds"] += length
        row["bytes"] += work.bytes
        row["flops"] += work.flops
    total = sum(row["seconds"] for row in kinds.values())
    for row in kinds.values():
        row["seconds"] *= seconds / total
    return {
        "seconds": seconds,
        "bytes_per_second": _bandwidth(),
        "flops_per_second": _arithmetic(),
        "kinds": [{"kind": kind, **row} for kind, row in kinds.items()],
    }


def _works(
    graph: tf.Graph, prefix: str
) -> Iterator[tuple[tuple[str, str], Work | None]]:
    """Yields name and type, and the work, of each operation of a graph.

    Those of a function are yielded by both names that they may run under,
    its own and that within the graph.
    """
    for op in graph.get_operations():
        work = Work.of(op)
        yield (op.name, op.type), work
        if prefix:
            yield (prefix + op.name, op.type), work
        if op.type.endswith("PartitionedCall"):
            called = graph._get_function(op.get_attr("f").name)
            yield from _works(called.graph, f"{prefix}{op.name}/")


def _trace(
    run: Callable[[], None],
) -> tuple[float, list[tuple[str, str, float]]]:
    """Returns the seconds, and name, type and seconds of each operation."""
    options = tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=2, python_tracer_level=0, device_tracer_level=0
    )
    with tempfile.TemporaryDirectory() as directory:
        tf.profiler.experimental.start(directory, options)
        try:
            begin = time.perf_counter()
            run()
            seconds = time.perf_counter() - begin
        finally:
            tf.profiler.experimental.stop()
        (path,) = pathlib.Path(directory).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    events = []
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                named = plane.event_metadata[event.metadata_id].name
                name, _, kind = named.rpartition(":")
                if name and not name.startswith(("Iterator", ":")):
                    events.append((name, kind, event.duration_ps * 1e-12))
    return seconds, events


def _best(run: Callable[[], tf.Tensor]) -> float:
    """Returns the shortest of several times, seconds."""
    times = []
    for _ in range(_TRIES):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def _bandwidth() -> float:
    """Returns bytes read and written in a second by adding two tensors."""
    a, b = tf.ones([_COPIED]), tf.zeros([_COPIED])
    return 3 * 4 * _COPIED / _best(lambda: tf.add(a, b))


def _arithmetic() -> float:
    """Returns the flops in a second of a matrix product."""
    a = tf.ones([_MATRIX, _MATRIX])
    return 2 * _MATRIX**3 / _best(lambda: tf.matmul(a, a))


def operations_table(found: dict[str, Any]) -> Table:
    """Tabulates the kinds of operations, the longest first.

    The bound is the time that moving the bytes or the arithmetic would take at
    the machine's best, whichever is more; what lies in a cache may beat it.

    Args:
        found: of `count_operations`.
    """
    kinds = sorted(found["kinds"], key=lambda row: -row["seconds"])
    rows = []
    for row in kinds[:_SHOWN]:
        memory = row["bytes"] / found["bytes_per_second"]
        arithmetic = row["flops"] / found["flops_per_second"]
        bound = max(memory, arithmetic)
        rows.append(
            [
                row["kind"],
                f"{row['calls']:,}",
                number(row["seconds"]),
                f"{100 * row['seconds'] / found['seconds']:.1f} %",
                f"{row['bytes'] / 1e9:.2f}",
                number(memory),
                number(arithmetic),
                f"{100 * bound / row['seconds']:.0f} %" if bound else "",
            ]
        )
    columns = [
        "operation",
        "calls",
        "seconds",
        "of the step",
        "GB moved",
        "memory bound, s",
        "arithmetic bound, s",
        "bound / seconds",
    ]
    return Table(columns, rows)
