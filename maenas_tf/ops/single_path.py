"""The edge of a supernet of which one architecture is computed at a time."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.primitive import Primitive, zeros
from maenas_tf.ops.recompute import recompute
from maenas_tf.ops.replica import replicas_of_statistics
from maenas_tf.ops.sharing import shared
from maenas_tf.ops.source import SourceNode, Term
from maenas_tf.spaces.space import NONE


class SinglePathOp(MixedOp):
    """One candidate of an edge, the others not computed (Guo et al., 2020).

    As `MixedOp` with weights of which one is 1 and the others are 0, or all
    of them, for an edge that the architecture does not have. The weights are
    tensors: another choice needs no other graph. A choice of `none` adds
    zeros, so that a node may have no other edge.

    Where normalisation is by the statistics of several replicas, all
    candidates are computed and the weights select: replicas tell each other
    the statistics, which TensorFlow does not allow inside a branch.

    Args: as `MixedOp`.
    """

    shared_from = 2
    candidates_spare = False  # what is chosen is computed again as a whole

    def terms(
        self,
        source: SourceNode,
        weights: Sequence[tf.Tensor],
        training: bool = False,
    ) -> list[Term]:
        """Returns the output of the candidate whose weight is 1.

        Args: as `MixedOp.terms`, the weights zeros and at most one 1.
        """
        if replicas_of_statistics() > 1:
            terms = super().terms(source, weights, training)
            return terms or [zeros(source.value, self.stride, self.channels)]
        inputs = source.value, self._branch(weights)
        chosen = functools.partial(self._chosen, training)
        if self.recompute:
            chosen = functools.partial(self._chosen_again, training)
        return [
            shared(
                (*self.kind, training),
                chosen,
                inputs,
                self.variables,
                self.drawing,
            )
        ]

    def _chosen(
        self, training: bool, x: tf.Tensor, branch: tf.Tensor
    ) -> tf.Tensor:
        """Returns the output of a candidate, of which `_branch` tells."""
        nothing = functools.partial(zeros, x, self.stride, self.channels)
        computed = [c for c in self.candidates if c.name != NONE]
        state = [v for c in computed for v in c.non_trainable_variables]
        values = [tf.convert_to_tensor(variable) for variable in state]
        branches = [lambda: (nothing(), *values)]
        for candidate in computed:
            branches.append(
                functools.partial(_compute, candidate, x, training, state)
            )
        with self.pack.unpacked():
            output, *values = tf.switch_case(branch, branches)
        # Here, since a branch's tensors mean nothing outside of it.
        for variable, value in zip(state, values, strict=True):
            variable.assign(value)
        return output

    def _chosen_again(
        self, training: bool, x: tf.Tensor, branch: tf.Tensor
    ) -> tf.Tensor:
        """Returns what `_chosen` does, computed again for its gradient."""

        def chosen(x):
            return self._chosen(training, x, branch)

        return recompute(chosen, [x], self.variables)

    def _branch(self, weights: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns which of the branches weights ask for; 0 are the zeros."""
        number, terms = 0, []
        for name, weight in zip(self.primitives, weights, strict=True):
            if name != NONE:
                number += 1
                terms.append(tf.reshape(weight, [-1])[0] * number)
        if not terms:
            return tf.constant(0)
        return tf.cast(tf.add_n(terms), tf.int32)


def _compute(
    candidate: Primitive,
    x: tf.Tensor,
    training: bool,
    state: Sequence[keras.Variable],
) -> tuple[tf.Tensor, ...]:
    """Returns a candidate's output and what it makes of the state."""
    # Not the node that all edges share: what it keeps would be of one branch.
    source = SourceNode(x)
    if not state:
        return (candidate.weighted(source, None, training),)
    variables = [*candidate.trainable_variables, *state]
    mapping = [(v, tf.convert_to_tensor(v)) for v in variables]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        output = candidate.weighted(source, None, training)
    return output, *(scope.get_current_value(v) for v in state)
