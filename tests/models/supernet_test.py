"""Tests of `maenas_tf.models.supernet`."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.models.alphas import ArchitectureParameters
from maenas_tf.models.cell import SearchCell
from maenas_tf.models.heads import ClassifierHead
from maenas_tf.models.supernet import (
    Supernet,
    build_supernet,
)
from maenas_tf.skeletons import (
    NetworkSize,
    evaluation_size,
    make_plan,
    skeleton_of,
)
from maenas_tf.spaces import SPACES
from tests.models.networks import (
    full_supernet,
    num_parameters,
    ragged_space,
)
from tests.ops.layers import gradients, image

# From the reference implementations; alphas are not counted.
PARAMETERS = {
    "darts": 1_930_618,
    "s1": 405_146,
    "s2": 665_466,
    "s3": 665_466,
    "s4": 624_506,
    "nasbench201": 1_692_826,
}


def tiny(space, **kwargs):
    """Returns a supernet of C=2 for 8x8 images."""
    space = SPACES.get(space) if isinstance(space, str) else space
    kwargs.setdefault("architecture", ArchitectureParameters(space))
    kwargs.setdefault("image_size", 8)
    cells = skeleton_of(space).min_num_cells
    return Supernet(space, 2, cells, **kwargs)


@pytest.fixture
def restored_policy():
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("space", PARAMETERS)
def test_number_of_parameters_is_that_of_the_reference(space):
    net = full_supernet(space)
    parameters = num_parameters(net) - num_parameters(net.architecture)
    assert parameters == PARAMETERS[space]


def test_number_of_parameters_with_a_hundred_classes():
    net = full_supernet("darts")
    head = ClassifierHead(100)
    head.build(net.trunk.feature_shapes)
    other = num_parameters(head) - num_parameters(net.head)
    assert PARAMETERS["darts"] + other == 1_953_748


@pytest.mark.parametrize("space", ["darts", "s4", "nasbench201"])
def test_variables_have_paths_of_their_own(space):
    paths = [v.path for v in full_supernet(space).variables]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("space", ["darts", "nasbench201"])
def test_alphas_are_no_variables_of_any_other_part(space):
    net = full_supernet(space)
    inside = {id(v) for v in net.architecture.variables}
    outside = [v for v in net.variables if id(v) not in inside]
    assert not [v.path for v in outside if "alpha" in v.path]
    for part in (net.trunk, net.head):
        assert not [v for v in part.variables if id(v) in inside]
    assert len(inside) == len(net.space.cell_types)


@pytest.mark.parametrize("space", ["s2", "nasbench201"])
def test_every_cell_of_a_type_gets_the_same_weights(space, monkeypatch):
    net = tiny(space)
    for variable in net.architecture.variables:
        variable.assign(image(variable.shape, seed=len(variable.path)))
    seen = []
    call = SearchCell.call

    def recorded(self, inputs, weights, training=False):
        seen.append((self.placement.cell_type, weights))
        return call(self, inputs, weights, training)

    monkeypatch.setattr(SearchCell, "call", recorded)
    net(tf.zeros([1, 8, 8, 3]))
    kinds = [kind for kind, _ in seen]
    if space == "nasbench201":
        assert kinds == ["cell"] * 3
    else:
        assert kinds == ["normal", "reduce", "reduce"]
    expected = net.architecture.numpy()
    for kind, weights in seen:
        np.testing.assert_array_equal(np.stack(weights), expected[kind])


@pytest.mark.parametrize(
    ("space", "sizes", "widths"),
    [
        ("darts", (32, 16, 8), (64, 128, 256)),
        ("nasbench201", (32, 16, 8), (16, 32, 64)),
    ],
)
def test_features_of_the_published_size_go_from_fine_to_coarse(
    space, sizes, widths
):
    shapes = full_supernet(space).trunk.feature_shapes
    assert shapes == tuple(
        (None, size, size, width)
        for size, width in zip(sizes, widths, strict=True)
    )


@pytest.mark.parametrize("space", SPACES.names())
def test_features_have_the_shapes_announced(space):
    (stem, *_) = skeleton_of(SPACES.get(space)).evaluation_sizes
    plan = make_plan(space, evaluation_size(SPACES.get(space), stem))
    size = 2 * plan.reduction
    net = tiny(space, image_size=size, stem=stem)
    features = net(tf.constant(image((2, size, size, 3))))
    assert [(None, *f.shape[1:]) for f in features] == list(
        net.trunk.feature_shapes
    )
    levels = net.plan.levels
    assert [f.shape[1] for f in features] == [size // 2**k for k in levels]
    assert all(np.all(np.isfinite(f)) for f in features)


@pytest.mark.parametrize("space", ["darts", "nasbench201", ragged_space()])
def test_every_weight_and_every_alpha_has_an_influence(space):
    net = tiny(space, head=ClassifierHead(3, name="head"))
    for alphas in net.architecture.variables:
        alphas.assign(0.1 * image(alphas.shape))
    x = tf.constant(image((4, 8, 8, 3)))
    y, found = gradients(lambda: net(x, training=True), net.trainable_variables)
    assert y.shape == (4, 3)
    # Normalisation takes away the bias of the convolution before it.
    silent = [
        variable.path
        for variable, gradient in zip(
            net.trainable_variables, found, strict=True
        )
        if not np.any(np.abs(gradient) > 1e-9)
        and not variable.path.endswith("conv/bias")
    ]
    assert not silent
    for name, matrix in net.architecture.arrays.items():
        index = [v is matrix for v in net.trainable_variables].index(True)
        for edge in net.space.cell_type(name.removeprefix("alphas_")).edges:
            row = found[index][edge.index].numpy()
            size = len(edge.primitives)
            np.testing.assert_array_equal(row[size:], 0.0)
            if size > 1:
                assert np.all(np.abs(row[:size]) > 0.0), (name, edge)


def test_training_leaves_no_trace_in_the_supernet():
    """Batch statistics only: perturbed passes have nothing to spoil."""
    net = tiny("nasbench201")
    assert net.non_trainable_variables == []
    x = tf.constant(image((2, 8, 8, 3)))
    for one, other in zip(net(x, training=True), net(x), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("space", ["s3", "nasbench201"])
def test_bfloat16_reaches_the_images_but_not_the_weights(
    space, monkeypatch, restored_policy
):
    keras.config.set_dtype_policy("mixed_bfloat16")
    net = tiny(space)
    seen = []
    call = SearchCell.call

    def recorded(self, inputs, weights, training=False):
        seen.extend(weight for row in weights for weight in row)
        return call(self, inputs, weights, training)

    monkeypatch.setattr(SearchCell, "call", recorded)
    x = tf.constant(image((2, 8, 8, 3)))
    alphas = net.architecture.variables
    for variable in alphas:
        variable.assign(1.0 + 1e-4 * image(variable.shape))
    features, found = gradients(lambda: net(x)[-1], alphas)
    assert features.dtype == tf.bfloat16
    assert {weight.dtype for weight in seen} == {tf.float32}
    assert len({weight.numpy() for weight in seen}) > len(seen) / 4
    assert {v.dtype for v in net.trainable_variables} == {"float32"}
    for gradient in found:
        assert gradient.dtype == tf.float32
        assert np.all(np.isfinite(gradient))
        assert np.all(np.any(np.abs(gradient) > 0, axis=-1))


@pytest.mark.parametrize(
    ("size", "remedy"), [(30, 32), (4, 8), (1, 8), (33, 32), (0, 8)]
)
def test_image_size_that_does_not_fit_names_one_that_does(size, remedy):
    space = SPACES.get("nasbench201")
    with pytest.raises(ConfigError, match=f"--image_size={size} ") as error:
        build_supernet(space, 2, 1, image_size=size)
    (suggested,) = re.findall(r"for example (\d+)", str(error.value))
    assert int(suggested) == remedy
    size = NetworkSize(2, 1, int(suggested))
    make_plan(space, size).check_image_size()


@pytest.mark.parametrize("space", ["s2", "nasbench201"])
def test_smallest_image_size_works(space):
    net = build_supernet(space, 2, 3 if space == "s2" else 1, image_size=8)
    assert np.all(np.isfinite(net(tf.constant(image((1, 8, 8, 3))))[-1]))


def test_number_of_cells_defaults_to_that_of_the_space():
    assert len(full_supernet("darts").plan.cells) == 8
    assert len(full_supernet("nasbench201").plan.cells) == 3 * 5


def test_supernet_without_classes_returns_features():
    net = build_supernet("nasbench201", 2, 1, image_size=8)
    assert net.head is None
    assert len(net(tf.zeros([1, 8, 8, 3]))) == 3


def test_unknown_space_lists_the_known():
    with pytest.raises(ValueError, match="dartz.*darts"):
        build_supernet("dartz")


def test_without_alphas_the_weights_of_an_architecture_must_be_given():
    net = tiny("nasbench201", architecture=None)
    assert net.architecture is None
    with pytest.raises(ValueError, match="edge_weights=None needs alphas"):
        net(image((2, 8, 8, 3)))
    weights = {"cell": tf.one_hot([3] * 6, 5)}
    features = net(image((2, 8, 8, 3)), edge_weights=weights)
    assert [f.shape[-1] for f in features] == [2, 4, 8]
