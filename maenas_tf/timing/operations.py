"""Where a step's time goes, by kind of operation, and what bounds it."""

from __future__ import annotations

import collections
import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from maenas_tf.reports.grouping import number
from maenas_tf.reports.tables import Table
from maenas_tf.timing.cases import SearchStep
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.timing.trace import Trace, trace

# Of the measurements of what the machine can do at best.
_TRIES = 8
_COPIED = 2**24  # numbers: 64 MB, more than a cache holds
_MATRIX = 1024
_FILTERED = "Conv2D", "DepthwiseConv2dNative"
# What is read but for a part, and what is not moved at all.
_READ_IN_PART = "Slice", "StridedSlice", "GatherV2"
_HANDED_ON = "ReadVariableOp", "Identity", "Reshape", "Squeeze", "ExpandDims"
_SHOWN = 20
OTHERS = "others, and without known shapes"
BETWEEN = "no operation: calls of functions, and waiting"


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
        # Those that change a variable have no result.
        sizes = [x.shape.num_elements() for x in op.outputs[:1] or op.inputs]
        if not sizes or None in sizes:
            return None
        if _is_handed_on(op):
            return cls(op.type, 0, 0)
        read = op.outputs if op.type in _READ_IN_PART else op.inputs
        moved = sum(
            tensor.shape.num_elements() * tensor.dtype.size
            for tensor in (*read, *op.outputs)
            if tensor.shape.is_fully_defined() and tensor.dtype.size
        )
        kind, flops = op.type, max(sizes)
        if op.type.startswith(_FILTERED):
            size, flops = _of_convolution(op)
            kind = f"{op.type} {size}"
        return cls(kind, moved, flops)


def _is_handed_on(op: tf.Operation) -> bool:
    """Returns whether results lie where inputs do: parts one after another."""
    if op.type == "Split":
        return tf.get_static_value(op.inputs[0]) == 0
    if op.type == "Unpack":
        return op.get_attr("axis") == 0
    return op.type in _HANDED_ON


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
        its name, calls, seconds, bytes and flops, all of the same calls. The
        seconds are those of the clock, shared by what runs at the same time.
    """
    case = SearchStep(config)
    case.run(1)
    case.run(case.warm_up)
    graph = case.runner.graph(case.iterator)
    seconds, traced = trace(lambda: case.run(1), graph)
    return {
        "seconds": seconds,
        "bytes_per_second": _bandwidth(),
        "flops_per_second": _arithmetic(),
        "kinds": kinds_of_work(traced, seconds),
    }


def kinds_of_work(traced: Trace, seconds: float) -> list[dict[str, Any]]:
    """Returns the "kinds" of `count_operations`.

    Args:
        traced: what ran.
        seconds: of the step.
    """
    kinds: dict[str, dict[str, Any]] = collections.defaultdict(
        lambda: {"calls": 0, "seconds": 0.0, "bytes": 0, "flops": 0}
    )
    # A function's operations are called as often as it is.
    work_of = functools.cache(Work.of)
    for call in traced.calls:
        known = work_of(call.op) if call.op is not None else None
        work = known or Work(OTHERS, 0, 0)
        row = kinds[work.kind]
        row["calls"] += 1
        row["seconds"] += call.seconds
        row["bytes"] += work.bytes
        row["flops"] += work.flops
    busy = sum(call.seconds for call in traced.calls)
    kinds[BETWEEN]["calls"] = traced.functions
    kinds[BETWEEN]["seconds"] = max(seconds - busy, 0.0)
    return [{"kind": kind, **row} for kind, row in kinds.items()]


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
    the machine's best, whichever is more. It is for the same calls as the
    seconds, which are fewer where tensors still lie in a cache.

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
