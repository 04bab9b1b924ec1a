"""Tests of `maenas_tf.models.trunk`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.fixed_layers import ResidualReduction, Stem
from maenas_tf.models.trunk import Trunk
from maenas_tf.skeletons import NetworkSize, make_plan
from tests.models.networks import full_supernet
from tests.ops import numpy_oracle
from tests.ops.layers import fill, image


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
    ("space", "size"),
    [
        ("darts", NetworkSize(4, 3, 8)),
        ("darts", NetworkSize(4, 3, 64, stem="imagenet")),
        ("nasbench201", NetworkSize(4, 1, 8)),
    ],
)
def test_the_layers_have_the_shapes_that_the_plan_says(space, size):
    plan = make_plan(space, size)
    genotype = plan.space.random_genotype(np.random.default_rng(0))

    trunk = Trunk(plan, genotype, name="trunk")
    side = size.image_size
    trunk.build((None, side, side, 3))
    shapes = {p.name: trunk.shapes[p.name] for p in plan.placements}
    assert shapes == {
        p.name: (None, p.size_out, p.size_out, p.channels_out)
        for p in plan.placements
    }
    arguments = {kind.name: {} for kind in plan.space.cell_types}
    features, middle = trunk(tf.zeros([1, side, side, 3]), arguments)
    found = [tuple(x.shape[1:]) for x in features]
    assert found == [shape[1:] for shape in trunk.feature_shapes]
    assert (middle is None) == (plan.auxiliary is None)


def test_the_layers_stand_in_the_scopes_of_their_names():
    trunk = full_supernet("darts").trunk
    paths = [v.path for v in trunk.variables]
    assert paths[0] == "trunk/stem/first/kernel_0"
    assert "trunk/cell_0/inputs/older/kernel" in paths
