"""Equal parts of a network, traced once.

A network repeats few parts many times. Most of the time to the first step is
that of making the operations of each, and of its gradient, and of optimising
them. Equal parts are therefore one function, of their inputs and of the values
of their variables, which the graph calls for each. Parts may have parts.
"""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from maenas_tf.ops.replica import replica_id, replicas_of_statistics
from maenas_tf.ops.watched import are_watched, watched_only

# From tensors to tensors, in any structure.
Compute = Callable[..., Any]


class Part(Protocol):
    """What may be shared.

    Attributes:
        kind: what equal parts have in common.
        shared_from: as many equal parts are worth it.
    """

    kind: Hashable
    shared_from: int


def pays(parts: Sequence[Part]) -> bool:
    """Returns whether a network of these parts starts sooner by sharing.

    It does where there are as many of a kind as `shared_from`, on average.
    """
    if not parts:
        return False
    wanted = max(part.shared_from for part in parts)
    return len(parts) >= wanted * len({part.kind for part in parts})


class SharedFunctions:
    """The functions that the equal parts of a network share.

    A function is traced at the first call of its kind, and its gradient at the
    first one that is asked for. Calls are kept as calls: put in their place,
    the operations would all be optimised again. A call computes whole
    gradients, also where a part of one is not used, so that functions of
    which other gradients are wanted are functions of another kind.
    """

    def __init__(self):
        self._functions: dict[Hashable, _Function] = {}

    def __len__(self):
        return len(self._functions)

    def clear(self) -> None:
        """Lets the next call of each kind trace anew."""
        self._functions.clear()

    def call(
        self,
        kind: Hashable,
        compute: Compute,
        inputs: Sequence[Any],
        variables: Sequence[keras.Variable],
        drawing: Sequence[keras.layers.Layer],
    ) -> Any:
        """Returns compute(*inputs); see `shared`."""
        variables = list({id(v): v for v in variables}.values())
        trained = [v for v in variables if v.trainable]
        state = [v for v in variables if not v.trainable]
        arguments = [
            *tf.nest.flatten(list(inputs)),
            *(stream_of(layer) for layer in drawing),
            *(tf.convert_to_tensor(v) for v in (*trained, *state)),
        ]
        watched = are_watched(arguments)
        specs = tuple(tf.TensorSpec(a.shape, a.dtype) for a in arguments)
        # Which part of the batch's numbers is drawn is the replica's.
        replica = int(tf.get_static_value(replica_id())) if drawing else 0
        key = (kind, watched, specs, replica)
        if key not in self._functions:
            self._functions[key] = _Function(
                compute, list(inputs), drawing, trained, state, watched, specs
            )
        results, changed = self._functions[key].call(arguments)
        for place, value in changed.items():
            state[place].assign(value)
        return results


class _Function:
    """A part of a network as a function of tensors alone.

    Args:
        compute: the part, of the inputs.
        inputs: of the form of which all inputs are.
        drawing: layers whose `stream_of` it reads.
        trained: variables that it reads.
        state: variables that it reads or changes.
        watched: of the inputs' tensors, the streams and the variables,
            whether a gradient is wanted.
        specs: of the same.
    """

    def __init__(
        self,
        compute: Compute,
        inputs: list[Any],
        drawing: Sequence[keras.layers.Layer],
        trained: Sequence[keras.Variable],
        state: Sequence[keras.Variable],
        watched: Sequence[bool],
        specs: Sequence[tf.TensorSpec],
    ):
        variables = [*trained, *state]
        values_at = len(specs) - len(variables)
        streams_at = values_at - len(drawing)

        def traced(*arguments):
            arguments = [
                a if wanted else tf.stop_gradient(a)
                for a, wanted in zip(arguments, watched, strict=True)
            ]
            scope = keras.StatelessScope(initialize_variables=False)
            # Not by `state_mapping`: it would cast what is cast already.
            for pair in zip(variables, arguments[values_at:], strict=True):
                scope.add_update(pair)
            streams = zip(drawing, arguments[streams_at:values_at], strict=True)
            # The tape tells parts of this part which gradients are wanted.
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                for argument, wanted in zip(arguments, watched, strict=True):
                    if wanted:
                        tape.watch(argument)
                with scope, watched_only(), _given(streams):
                    self._results = compute(
                        *tf.nest.pack_sequence_as(
                            inputs, arguments[:streams_at]
                        )
                    )
            old = arguments[len(arguments) - len(state) :]
            new = [scope.get_current_value(v) for v in state]
            self._changed = [i for i, x in enumerate(new) if x is not old[i]]
            return [
                *tf.nest.flatten(self._results),
                *(tf.stop_gradient(new[i]) for i in self._changed),
            ]

        self._function = tf.function(
            traced,
            autograph=False,
            experimental_attributes={"_noinline": True},
        ).get_concrete_function(*specs)
        if self._function.captured_inputs:
            raise RuntimeError(
                f"A part of the network that is to be shared reads "
                f"{self._function.captured_inputs[0]}, which is neither an "
                f"input nor one of its variables; give it to `shared`."
            )

    def call(
        self, arguments: Sequence[tf.Tensor]
    ) -> tuple[Any, dict[int, tf.Tensor]]:
        """Returns the results, and the new values of the state by place."""
        found = self._function(*arguments)
        count = len(found) - len(self._changed)
        results = tf.nest.pack_sequence_as(self._results, found[:count])
        return results, dict(zip(self._changed, found[count:], strict=True))


class _Here(threading.local):
    """What holds in this thread: replicas are traced in one each."""

    def __init__(self):
        self.functions: list[SharedFunctions] = []
        self.streams: list[Mapping[int, tf.Tensor]] = [{}]


_here = _Here()


@contextlib.contextmanager
def sharing(functions: SharedFunctions) -> Iterator[None]:
    """Lets the parts that are traced in a `with` block share functions.

    Operations that run at once, without a graph, share nothing.
    """
    if tf.executing_eagerly():
        yield
        return
    _here.functions.append(functions)
    try:
        yield
    finally:
        _here.functions.pop()


def shared(
    kind: Hashable,
    compute: Compute,
    inputs: Sequence[Any],
    variables: Sequence[keras.Variable],
    drawing: Sequence[keras.layers.Layer] = (),
    sends: bool = True,
) -> Any:
    """Returns compute(*inputs), by a function where functions are shared.

    Args:
        kind: with the shapes of all that is given, tells what is equal. One
            `compute` of a kind serves all of it.
        compute: reads nothing but `inputs`, `variables` and the `stream_of`
            `drawing`, and draws nothing at random but by them.
        inputs: tensors in any structure.
        variables: that it reads or changes, in the same order for all
            of a kind.
        drawing: layers that draw at random, as the variables.
        sends: whether it normalises. Where replicas tell each other the
            statistics of a batch, that is no function: TensorFlow does not
            allow messages within one.

    Returns:
        Tensors in any structure, differentiable in inputs and variables.
    """
    if not _here.functions or (sends and replicas_of_statistics() > 1):
        return compute(*inputs)
    return _here.functions[-1].call(kind, compute, inputs, variables, drawing)


@contextlib.contextmanager
def _given(
    streams: Iterator[tuple[keras.layers.Layer, tf.Tensor]],
) -> Iterator[None]:
    """Has `stream_of` return tensors in place of numbers."""
    _here.streams.append({id(layer): stream for layer, stream in streams})
    try:
        yield
    finally:
        _here.streams.pop()


def as_here() -> Callable[[], contextlib.AbstractContextManager]:
    """Returns what makes `with` blocks that share and draw as this place does.

    What is computed once more for a gradient is so after its block has ended.
    """
    functions, streams = _here.functions[-1:], _here.streams[-1]

    @contextlib.contextmanager
    def block() -> Iterator[None]:
        _here.functions.extend(functions)
        _here.streams.append(streams)
        try:
            yield
        finally:
            _here.streams.pop()
            del _here.functions[len(_here.functions) - len(functions) :]

    return block


def stream_of(layer: keras.layers.Layer) -> tf.Tensor:
    """Returns a number of a layer's path, of what it draws at random."""
    if id(layer) in _here.streams[-1]:
        return _here.streams[-1][id(layer)]
    return tf.constant(zlib.crc32(layer.path.encode()) & 0x3FFFFFFF)
