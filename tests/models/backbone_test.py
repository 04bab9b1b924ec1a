"""Tests of `maenas_tf.models.backbone`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import maenas_tf as mn
from maenas_tf.config import ConfigError
from maenas_tf.models.backbone import Backbone, build_backbone, transfer_weights
from maenas_tf.models.network import build_network
from maenas_tf.spaces import SPACES

SIZE = 64


@pytest.fixture(scope="module")
def backbone():
    """Returns the backbone of a small DARTS_V2."""
    return build_backbone("DARTS_V2", 4, 3, (SIZE, SIZE, 3))


def make_images(height=SIZE, width=SIZE):
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, height, width, 3)).astype(np.float32)


def make_network(seed=1, **changes):
    """Returns a small DARTS_V2 whose statistics are no longer the initial."""
    keras.utils.set_random_seed(seed)
    settings = {
        "genotype": "DARTS_V2",
        "num_classes": 5,
        "init_channels": 4,
        "num_cells": 3,
        "image_size": SIZE,
        "stem": "imagenet",
        **changes,
    }
    network = build_network(**settings)
    network(make_images(), training=True)
    return network


def test_it_is_a_functional_model_with_three_named_levels(backbone):
    assert mn.build_backbone is build_backbone
    assert isinstance(backbone, keras.Model)
    assert backbone.inputs[0].shape == (None, SIZE, SIZE, 3)
    names = backbone.pyramid_level_inputs
    assert list(names) == ["P3", "P4", "P5"]
    for level, stride, channels in (("P3", 8, 16), ("P4", 16, 32)):
        shape = backbone.get_layer(names[level]).output.shape
        assert shape == (None, SIZE // stride, SIZE // stride, channels)
        assert backbone.output[level].shape == shape


def test_the_cifar_stem_gives_the_finer_levels_of_any_space_and_shape():
    genotype = SPACES.get("nasbench201").random_genotype(
        np.random.default_rng(0)
    )
    model = build_backbone(genotype, 2, 1, (16, 8, 3), "cifar")
    features = model(make_images(16, 8))
    shapes = {level: tuple(x.shape[1:]) for level, x in features.items()}
    assert shapes == {"P0": (16, 8, 2), "P1": (8, 4, 4), "P2": (4, 2, 8)}


def test_transferred_weights_make_the_networks_features(backbone):
    network = make_network()
    transfer_weights(network, backbone)
    images = make_images()
    for training in (False, True):
        expected = network.features(images, training)
        received = backbone(images, training=training)
        for level, feature in zip(("P3", "P4", "P5"), expected, strict=True):
            np.testing.assert_allclose(received[level], feature, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"genotype": "DARTS_V1"},
        {"init_channels": 6},
        {"num_cells": 4},
        {"stem": "cifar"},
    ],
)
def test_weights_of_another_network_are_refused(backbone, changes):
    (name,) = changes
    before = backbone.get_weights()
    network = build_network(
        **{
            "genotype": "DARTS_V2",
            "init_channels": 4,
            "num_cells": 3,
            "image_size": SIZE,
            "stem": "imagenet",
            **changes,
        }
    )
    with pytest.raises(ValueError, match=f"The backbone has {name}="):
        transfer_weights(network, backbone)
    for old, new in zip(before, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_it_is_saved_and_loaded_with_its_levels(backbone, tmp_path):
    path = tmp_path / "backbone.keras"
    backbone.save(path)
    loaded = keras.models.load_model(path)
    assert isinstance(loaded, Backbone)
    assert loaded.pyramid_level_inputs == backbone.pyramid_level_inputs
    images = make_images()
    np.testing.assert_array_equal(loaded(images)["P5"], backbone(images)["P5"])


@pytest.mark.parametrize("shape", [(64, 80, 3), (32, 64, 3)])
def test_a_shape_that_the_levels_do_not_divide_is_refused(shape):
    with pytest.raises(ConfigError, match="multiple of 32 from 64 on"):
        build_backbone("DARTS_V2", 4, 3, shape)


def test_any_height_and_width_that_fit_may_be_left_open():
    made = build_backbone("DARTS_V2", 4, 3, (None, None, 3))
    features = made(make_images(64, 96))
    assert [tuple(f.shape[1:3]) for f in features.values()] == [
        (8, 12),
        (4, 6),
        (2, 3),
    ]
    with pytest.raises(ConfigError, match="--image_size=40 does not fit"):
        made(make_images(64, 40))


@pytest.mark.parametrize("shape", [64, (64, 64), (64, 64, 4), "333"])
def test_what_is_no_shape_of_images_is_one_sentence(shape):
    with pytest.raises(ConfigError, match="give .height, width, 3."):
        build_backbone("DARTS_V2", 4, 3, shape)


def test_a_retinanet_takes_it_and_trains_every_weight_of_it():
    keras_cv = pytest.importorskip("keras_cv")
    keras.utils.set_random_seed(0)
    backbone = build_backbone("DARTS_V2", 4, 3, (SIZE, SIZE, 3))
    transfer_weights(make_network(), backbone)
    detector = keras_cv.models.RetinaNet(
        backbone=backbone, num_classes=3, bounding_box_format="xywh"
    )
    # Eagerly: tracing its label encoder takes longer than the step.
    detector.compile(
        optimizer=keras.optimizers.SGD(0.1, global_clipnorm=10.0),
        classification_loss="focal",
        box_loss="smoothl1",
        jit_compile=False,
        run_eagerly=True,
    )
    boxes = [[[8.0, 8.0, 32.0, 32.0], [20.0, 16.0, 40.0, 30.0]]] * 2
    labels = {
        "boxes": tf.constant(boxes),
        "classes": tf.constant([[0.0, 2.0]] * 2),
    }
    before = [v.numpy() for v in backbone.trainable_variables]
    history = detector.fit(make_images(), labels, batch_size=2, verbose=0)
    for name in ("box_loss", "classification_loss"):
        (loss,) = history.history[name]
        assert np.isfinite(loss)
        assert loss > 0
    for old, variable in zip(before, backbone.trainable_variables, strict=True):
        assert np.any(old != variable.numpy()), variable.path
