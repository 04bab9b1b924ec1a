"""Tests of `maenas_tf.models.trunk`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.trunk import STEMS, TRUNKS, ResidualReduction, Stem
from maenas_tf.spaces import SPACES
from tests.ops import numpy_oracle
from tests.ops.layers import fill, image


def plan(space, init_channels, num_cells, **kwargs):
    """Returns kind, width and `reduced_before` of every cell asked for."""
    asked = []

    def make_cell(kind, channels, inputs, name):
        asked.append((kind, channels, getattr(inputs, "reduced_before", None)))
        return name

    space = SPACES.get(space)
    make = TRUNKS.get(space.skeleton)
    make(space, init_channels, num_cells, make_cell, search=True, **kwargs)
    return asked


@pytest.mark.parametrize(
    ("num_cells", "reductions"), [(8, (2, 5)), (14, (4, 9)), (20, (6, 13))]
)
def test_cells_at_the_thirds_reduce_and_double_the_width(num_cells, reductions):
    cells = plan("darts", 16, num_cells)
    assert len(cells) == num_cells
    for index, (kind, channels, reduced_before) in enumerate(cells):
        assert (kind == "reduce") == (index in reductions)
        assert channels == 16 * 2 ** sum(index >= r for r in reductions)
        assert reduced_before == (index - 1 in reductions)


def test_first_cell_behind_the_large_stem_has_inputs_of_two_sizes():
    first, second, *_ = plan("darts", 16, 14, stem="imagenet")
    assert first == ("normal", 16, True)
    assert second == ("normal", 16, False)


def test_stages_of_nasbench201_double_the_width():
    widths = [channels for _, channels, _ in plan("nasbench201", 16, 2)]
    assert widths == [16, 16, 32, 32, 64, 64]


def test_large_stem_is_not_for_nasbench201():
    with pytest.raises(ValueError, match="--stem=imagenet.*--stem=cifar"):
        plan("nasbench201", 16, 1, stem="imagenet")


@pytest.mark.parametrize("moving_statistics", [True, False])
def test_residual_reduction_equals_its_definition(moving_statistics):
    x = image((2, 6, 8, 3))
    layer = ResidualReduction(4, moving_statistics, name="reduction")
    layer.build((None, 6, 8, 3))
    weights = fill(layer)

    def convolved(y, name, stride):
        own = numpy_oracle.below(weights, name)
        y = numpy_oracle.convolve(numpy_oracle.relu(y), own["kernel"], stride)
        if moving_statistics:
            return numpy_oracle.norm(y, own, "norm", search=False)
        return numpy_oracle.batch_normalize(
            y, own["norm/gamma"], own["norm/beta"]
        )

    pooled = x.reshape(2, 3, 2, 4, 2, 3).mean((2, 4))
    expected = convolved(convolved(x, "first", 2), "second", 1)
    expected = expected + numpy_oracle.convolve(pooled, weights["shortcut"])
    np.testing.assert_allclose(
        layer.call(tf.constant(x)), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("activation_first", [True, False])
def test_stem_equals_its_definition(activation_first, stride):
    x = image((2, 8, 8, 3))
    layer = Stem((4, 6), stride, activation_first, name="stem")
    layer.build((None, 8, 8, 3))
    weights = fill(layer)
    y = numpy_oracle.relu(x) if activation_first else x
    for i in range(2):
        y = numpy_oracle.relu(y) if i else y
        y = numpy_oracle.convolve(y, weights[f"kernel_{i}"], stride)
        y = numpy_oracle.batch_normalize(
            y, weights[f"norm_{i}/gamma"], weights[f"norm_{i}/beta"]
        )
    np.testing.assert_allclose(
        layer.call(tf.constant(x)), y, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "older", "newer"),
    [
        ("cifar", (32, 32, 48), (32, 32, 48)),
        ("imagenet", (8, 8, 16), (4, 4, 16)),
    ],
)
def test_stem_gives_the_two_inputs_it_announces(name, older, newer):
    stem = STEMS.get(name)(16)
    stem.build((None, 32, 32, 3))
    assert stem.output_shapes == ((None, *older), (None, *newer))
    outputs = stem.call(tf.zeros([1, 32, 32, 3]))
    assert [tuple(y.shape[1:]) for y in outputs] == [older, newer]
    assert 32 // newer[0] == stem.reduction
    assert (older[0] > newer[0]) == stem.reduces_last
