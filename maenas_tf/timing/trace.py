"""The calls of operations in a step, as TensorFlow's profiler tells them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

_OPERATION = re.compile(r"([^:]+):(\w+)")
# A convolution and its gradient that take the bias as well, and what oneDNN
# computes, have types of their own.
_REWRITTEN = re.compile(
    r"^_(?:Mkl)?(?:Native)?(?:Fused(?=Conv|Depthwise|MatMul))?|WithBias$"
)
_BRANCH = re.compile(r"branch(\d+)/_\d+/")
# What the runtime's events are called: a thread has operations of a function
# run, has a function called, and begins to run it.
_PROCESS = "ExecutorState::Process"
_CALL = "ExecutorState::ProcessAsync::Start"
_RUN = "FunctionRun"
_PICOSECOND = 1e-12
# A thread tells of its last event when it leaves it, which may be after the
# step has ended.
_SECONDS_TO_END = 0.5


@dataclasses.dataclass(frozen=True)
class Call:
    """A call of an operation.

    Attributes:
        op: the operation, in the graph of its function; None where that has
            none of this name and type, as the runtime has made another one.
        seconds: of the clock; a moment in which several calls run is shared
            by them equally.
    """

    op: tf.Operation | None
    seconds: float


@dataclasses.dataclass(frozen=True)
class Trace:
    """What ran.

    Attributes:
        calls: of operations. Those of a function are called as often as it is;
            a call of a function is none of them.
        functions: calls of functions.
    """

    calls: list[Call]
    functions: int


@dataclasses.dataclass(frozen=True)
class _Event:
    """Something that a thread did; picoseconds."""

    name: str
    begin: int
    end: int
    values: dict[str, str | int]


def trace(run: Callable[[], None], graph: tf.Graph) -> tuple[float, Trace]:
    """Runs something while it is traced.

    Args:
        run: has the function of a graph called.
        graph: the graph.

    Returns:
        The seconds that it took, and what ran.
    """
    options = tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=2, python_tracer_level=0, device_tracer_level=0
    )
    with tempfile.TemporaryDirectory() as directory:
        tf.profiler.experimental.start(directory, options)
        try:
            begin = time.perf_counter()
            run()
            seconds = time.perf_counter() - begin
            time.sleep(_SECONDS_TO_END)
        finally:
            tf.profiler.experimental.stop()
        (path,) = pathlib.Path(directory).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    return seconds, read_trace(space, graph)


def read_trace(space: xplane_pb2.XSpace, graph: tf.Graph) -> Trace:
    """Reads what the profiler wrote.

    An operation is known by its name within its function, of which there may
    be more with operations of this name. A thread that runs it does so within
    an event which has the number of the run, and a run begins within an event
    which has the name of its call and the number of the run that calls.

    Args:
        space: of the profiler.
        graph: of the function that was called.
    """
    called_from: dict[int, tuple[int, str]] = {}
    found: list[tuple[_Event, int]] = []
    for event, around in _events(space):
        process = _innermost(_PROCESS, around)
        call = _innermost(_CALL, around)
        if event.name == _RUN and call is not None:
            caller = call.values["step_id"], call.values["name"]
            called_from[event.values["id"]] = caller
        elif _OPERATION.fullmatch(event.name):
            found.append((event, process.values["id"] if process else 0))
    graphs = _Graphs(graph, called_from)
    shares = _shares_of_time([event for event, _ in found])
    calls = [
        Call(graphs.operation(event.name, run), share * _PICOSECOND)
        for (event, run), share in zip(found, shares, strict=True)
    ]
    return Trace(calls, len(called_from))


def _events(
    space: xplane_pb2.XSpace,
) -> Iterator[tuple[_Event, list[_Event]]]:
    """Yields each event and those of its thread around it, outer first.

    The list is good until the next event is asked for.
    """
    for plane in space.planes:
        names = {k: v.name for k, v in plane.event_metadata.items()}
        keys = {k: v.name for k, v in plane.stat_metadata.items()}
        for line in plane.lines:
            around: list[_Event] = []
            for told in sorted(
                line.events, key=lambda e: (e.offset_ps, -e.duration_ps)
            ):
                begin = line.timestamp_ns * 1000 + told.offset_ps
                while around and around[-1].end <= begin:
                    around.pop()
                values = {
                    keys[stat.metadata_id]: _value(stat, keys)
                    for stat in told.stats
                }
                name, end = names[told.metadata_id], begin + told.duration_ps
                event = _Event(name, begin, end, values)
                yield event, around
                around.append(event)


def _shares_of_time(events: list[_Event]) -> list[float]:
    """Returns of each event its time, shared with those at the same time."""
    marks = sorted(
        mark
        for place, event in enumerate(events)
        for mark in ((event.begin, True, place), (event.end, False, place))
    )
    shares, running, before = [0.0] * len(events), set(), 0
    for moment, begins, place in marks:
        for other in running:
            shares[other] += (moment - before) / len(running)
        before = moment
        if begins:
            running.add(place)
        else:
            running.discard(place)
    return shares


def _value(stat: xplane_pb2.XStat, keys: dict[int, str]) -> str | int:
    kind = stat.WhichOneof("value")
    if kind == "ref_value":
        return keys[stat.ref_value]
    return getattr(stat, kind)


def _innermost(name: str, around: list[_Event]) -> _Event | None:
    for event in reversed(around):
        if event.name == name:
            return event
    return None


class _Graphs:
    """The graphs of the functions that ran, and the operations in them.

    Args:
        graph: of the runs that nothing has called.
        called_from: number of a run to that of the run which called it and the
            name of the call there.
    """

    def __init__(
        self, graph: tf.Graph, called_from: dict[int, tuple[int, str]]
    ):
        self._graph = graph
        self._called_from = called_from
        self._of_runs: dict[int, tf.Graph | None] = {}
        self._by_name: dict[int, dict[str, tf.Operation]] = {}

    def operation(self, event: str, run: int) -> tf.Operation | None:
        """Returns what an event of a run is of; None of what is unknown."""
        name, kind = _OPERATION.fullmatch(event).groups()
        graph = self._of_run(run)
        op = self._find(graph, name) if graph is not None else None
        kind = _REWRITTEN.sub("", kind)
        if op is not None and op.type == "BiasAdd" and kind != op.type:
            op = op.inputs[0].op  # A convolution that adds it has its name.
        return op if op is not None and op.type == kind else None

    def _of_run(self, run: int) -> tf.Graph | None:
        if run not in self._called_from:
            return self._graph
        if run not in self._of_runs:
            caller, name = self._called_from[run]
            graph = self._of_run(caller)
            call = self._find(graph, name) if graph is not None else None
            called = _called(call, "") if call is not None else None
            self._of_runs[run] = called[0] if called else None
        return self._of_runs[run]

    def _find(self, graph: tf.Graph, name: str) -> tf.Operation | None:
        if id(graph) not in self._by_name:
            self._by_name[id(graph)] = {
                op.name: op for op in graph.get_operations()
            }
        ops = self._by_name[id(graph)]
        if name in ops:
            return ops[name]
        # A function that was put in the place of its call.
        for place in re.finditer("/", name):
            call = ops.get(name[: place.start()])
            if call is not None:
                called = _called(call, name[place.end() :])
                if called is not None:
                    return self._find(*called)
        # A function's definition numbers what is named as a result is.
        return ops.get(re.sub(r"_\d+$", "", name))


def _called(op: tf.Operation, name: str) -> tuple[tf.Graph, str] | None:
    """Returns the graph of a function that an operation calls, if it does.

    Args:
        op: may be a choice between functions.
        name: of an operation below; tells which of them is meant.

    Returns:
        The graph, and the name in it.
    """
    if op.type.endswith("PartitionedCall"):
        function = op.get_attr("f")
    elif op.type.endswith("Case") and (branch := _BRANCH.match(name)):
        function = op.get_attr("branches")[int(branch[1])]
        name = name[branch.end() :]
    else:
        return None
    return op.graph._get_function(function.name).graph, name
