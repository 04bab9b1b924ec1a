"""What the tests of the searcher compare it with."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.searching.small import flat, values


def tape_gradient(searcher, batch, variables):
    """Returns the gradient of the mean loss at the variables' values."""
    with tf.GradientTape() as tape:
        losses = searcher.task.losses(batch, searcher(batch, training=True))
        loss = tf.reduce_mean(losses)
    return [
        np.asarray(g) for g in tape.gradient(loss, [v.value for v in variables])
    ]


class Recorder:
    """Notes gradients and the state at each call of an optimizer."""

    def __init__(self, searcher, monkeypatch):
        self.calls = []
        for name in ("alpha", "weight"):
            optimizer = getattr(searcher, f"{name}_optimizer")
            self._watch(searcher, name, optimizer, monkeypatch)

    def _watch(self, searcher, name, optimizer, monkeypatch):
        original = optimizer.apply

        def apply(gradients, *arguments, **keywords):
            self.calls.append(
                {
                    "name": name,
                    "gradients": [np.asarray(g) for g in gradients],
                    "weights": values(searcher.weight_variables),
                    "alphas": values(searcher.alpha_variables),
                }
            )
            return original(gradients, *arguments, **keywords)

        monkeypatch.setattr(optimizer, "apply", apply)

    @property
    def names(self):
        return [call["name"] for call in self.calls]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_close(first, second, tolerance=1e-4):
    """The difference is small beside the whole, all tensors together."""
    first, second = flat(first), flat(second)
    error = np.linalg.norm(first - second)
    assert error <= tolerance * np.linalg.norm(second)
