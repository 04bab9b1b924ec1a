"""Activations that are computed twice, so that they need not be kept.

Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016). Neither
`tf.recompute_grad` nor `keras.remat` serves here: their gradient is that of
the variables which a function reads, while the searcher's passes put tensors
in the place of variables (`keras.StatelessScope`), and that scope is gone
when they compute the function again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.sharing import as_here
from maenas_tf.ops.watched import are_watched, watched_only


def compute_again(
    compute: Callable[..., tf.Tensor],
    arguments: Sequence[tf.Tensor],
    watched: Sequence[bool],
    after: tf.Tensor,
) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor | None]]]:
    """Computes something for a gradient.

    Args:
        compute: takes `arguments`.
        arguments: floating.
        watched: of each, whether its gradient is wanted.
        after: is there before anything is computed.

    Returns:
        The result, and what leads its gradient to those of the arguments.
    """
    # The identities wait, and everything waits for them: nothing is computed
    # early, nor found to be what the first pass has computed and taken from
    # there.
    with tf.control_dependencies([after]):
        again = [tf.identity(x) for x in arguments]
    asked = list(itertools.compress(again, watched))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(asked)
        with watched_only():
            result = compute(*again)

    def to_arguments(upstream: tf.Tensor) -> list[tf.Tensor | None]:
        found = iter(tape.gradient(result, asked, upstream))
        return [next(found) if wanted else None for wanted in watched]

    return result, to_arguments


def recompute(
    function: Callable[..., tf.Tensor],
    inputs: Sequence[tf.Tensor],
    variables: Sequence[keras.Variable],
) -> tf.Tensor:
    """Returns function(*inputs), keeping no more of it than the inputs.

    Where the gradient asks for what lies between, the function is computed
    once more, not before the gradient of its result is there. It is given the
    same values of the variables both times, those that hold where it is
    called, so that random numbers drawn by counters are the same ones; what
    it assigns to variables is assigned once.

    Args:
        function: takes `inputs`; reads no variable but `variables`.
        inputs: floating tensors.
        variables: of which a gradient is wanted, or which change.

    Returns:
        A tensor, differentiable in the inputs and in what the trainable ones
        of the variables stand for. The second derivative is right too, but
        keeps what the first has computed.
    """
    held = [(v, tf.convert_to_tensor(v)) for v in variables]
    parameters = [pair for pair in held if pair[0].trainable]
    state = [pair for pair in held if not pair[0].trainable]
    count, changes = len(inputs), {}
    here = as_here()

    def compute(*arguments):
        scope = keras.StatelessScope(initialize_variables=False)
        given = zip(parameters, arguments[count:], strict=True)
        for pair in [*((v, new) for (v, _), new in given), *state]:
            # Not by `state_mapping`: it would cast what is cast already.
            scope.add_update(pair)
        with scope:
            result = function(*arguments[:count])
        for variable, old in state:
            value = scope.get_current_value(variable)
            if value is not old:
                changes[id(variable)] = (variable, value)
        return result

    @tf.custom_gradient
    def once_more(*arguments):
        # Within a branch tensors of the branch: TensorFlow finds no other ones
        # where the gradient of the branch is taken within a function.
        arguments = [tf.identity(x) for x in arguments]

        def gradient(upstream):
            with here():
                _, to_arguments = compute_again(
                    compute, arguments, watched, upstream
                )
            return to_arguments(upstream)

        return compute(*arguments), gradient

    arguments = [*inputs, *(value for _, value in parameters)]
    watched = are_watched(arguments)
    result = once_more(*arguments)
    for variable, value in changes.values():
        variable.assign(value)
    return result
