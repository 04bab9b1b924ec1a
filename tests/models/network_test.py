"""Tests of `maenas_tf.models.network` and of drop-path in it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.models.network import Network, build_network
from maenas_tf.ops.drop_path import drop_path
from maenas_tf.spaces import SPACES
from tests.models.networks import num_parameters


def cell201(*primitives):
    """Returns a cell of NAS-Bench-201 as text."""
    sources = ((0,), (0, 1), (0, 1, 2))
    names = iter(primitives)
    nodes = ["|".join(f"{next(names)}~{s}" for s in node) for node in sources]
    return "+".join(f"|{node}|" for node in nodes)


ALL_SKIP = cell201(*6 * ["skip_connect"])
ALL_CONV = cell201(*6 * ["nor_conv_3x3"])
MIXED = cell201(
    "nor_conv_3x3",
    "none",
    "skip_connect",
    "avg_pool_3x3",
    "none",
    "nor_conv_1x1",
)


def small(genotype="DARTS_V2", seed=0, **options):
    """Returns a small network with random statistics of its normalisation."""
    keras.utils.set_random_seed(seed)
    num_cells = 1 if genotype.startswith("|") else 3
    network = Network(genotype, 5, 4, num_cells, **options)
    rng = np.random.default_rng(seed)
    for variable in network.variables:
        if "moving" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return network


def images(count=4, size=32, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("genotype", "width", "num_cells", "parameters"),
    [
        ("DARTS_V1", 36, 20, 3_169_414),
        ("DARTS_V2", 36, 20, 3_349_342),
        ("DARTS_V2", 16, 8, 246_106),
        (ALL_CONV, 16, 5, 1_531_546),
        (ALL_SKIP, 16, 5, 73_306),
    ],
)
def test_parameters_are_those_of_the_reference(
    genotype, width, num_cells, parameters
):
    network = build_network(genotype, 10, width, num_cells)
    assert num_parameters(network) == parameters


def test_parameters_on_imagenet_are_those_of_the_reference():
    network = build_network(
        "DARTS_V2", 1000, 48, 14, image_size=224, stem="imagenet"
    )
    assert num_parameters(network) == 4_718_752


def test_the_number_of_cells_defaults_to_the_spaces():
    for name, number in (("darts", 8), ("nasbench201", 5)):
        space = SPACES.get(name)
        genotype = space.random_genotype(np.random.default_rng(0))
        network = Network(genotype, init_channels=2)
        assert network.num_cells == number


def test_the_auxiliary_head_takes_no_part_in_inference():
    with_head, without = small(auxiliary=True), small()
    shared = {v.path: v for v in without.variables}
    for variable in with_head.variables:
        if variable.path in shared:
            variable.assign(shared.pop(variable.path))
    assert not shared
    x = images()
    for training in (False, True):
        np.testing.assert_array_equal(
            with_head(x, training=training), without(x, training=training)
        )
    logits, middle = with_head.call_with_auxiliary(x, training=False)
    np.testing.assert_array_equal(logits, without(x, training=False))
    assert middle.shape == (4, 5)
    assert np.std(middle) > 0
    assert without.call_with_auxiliary(x)[1] is None


def test_features_go_from_fine_to_coarse_and_lead_to_the_logits():
    network, x = small(), images()
    features = network.features(x)
    assert [f.shape for f in features] == [
        (4, 32, 32, 16),
        (4, 16, 16, 32),
        (4, 8, 8, 64),
    ]
    np.testing.assert_array_equal(network.head(features), network(x))


def test_drop_path_zeroes_samples_and_keeps_the_expectation():
    seed = keras.random.SeedGenerator(0)
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, (20_000, 2, 1, 3)).astype(np.float32)
    y = drop_path(tf.constant(x), tf.constant(0.3), seed).numpy()
    dropped = y[:, 0, 0, 0] == 0
    assert np.all(y[dropped] == 0)
    np.testing.assert_allclose(y[~dropped], x[~dropped] / 0.7, rtol=1e-6)
    # 20,000 draws: a standard deviation of 0.0032.
    assert abs(dropped.mean() - 0.3) < 0.016


def test_drop_path_draws_anew_and_starts_again_from_its_state():
    seed = keras.random.SeedGenerator(0)
    x, rate = tf.ones((64, 1, 1, 1)), tf.constant(0.5)
    state = seed.state.numpy()
    first, second = (drop_path(x, rate, seed).numpy() for _ in range(2))
    assert not np.array_equal(first, second)
    seed.state.assign(state)
    np.testing.assert_array_equal(drop_path(x, rate, seed), first)


def test_drop_path_of_rate_zero_changes_nothing():
    network, plain = small(drop_path=True), small()
    x = images()
    np.testing.assert_array_equal(
        network(x, training=True), plain(x, training=True)
    )


def test_drop_path_acts_on_samples_in_training_only():
    network, x = small(MIXED, drop_path=True), images(32)
    quiet = network(x, training=False)
    network.drop_path_rate.assign(0.5)
    np.testing.assert_array_equal(network(x, training=False), quiet)
    first, second = (network(x, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 0.1


def test_an_identity_is_never_dropped():
    network, x = small(ALL_SKIP, drop_path=True), images()
    before = network(x, training=True)
    network.drop_path_rate.assign(0.9)
    np.testing.assert_array_equal(network(x, training=True), before)


def test_a_skip_that_reduces_is_dropped():
    # It is no identity but two convolutions.
    skips = [["skip_connect", source] for source in (0, 1)] * 4
    cells = {"normal": skips, "normal_concat": [2, 3, 4, 5]}
    cells |= {"reduce": skips, "reduce_concat": [2, 3, 4, 5]}
    keras.utils.set_random_seed(0)
    network = Network({"space": "darts", **cells}, 5, 4, 3, drop_path=True)
    before = network(images(), training=True)
    network.drop_path_rate.assign(0.9)
    assert np.abs(network(images(), training=True) - before).max() > 0.1


@pytest.mark.parametrize(
    "options",
    [
        {"genotype": "DARTS_V2", "auxiliary": True, "drop_path": True},
        {"genotype": "PC_DARTS_image", "stem": "imagenet", "image_size": 64},
        {"genotype": MIXED, "image_size": 16},
    ],
)
def test_a_saved_network_comes_back_to_the_last_bit(options, tmp_path):
    network = small(**options)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert type(loaded) is Network
    assert loaded.get_config() == network.get_config()
    x = images(size=network.image_size)
    np.testing.assert_array_equal(loaded(x), network(x))
    assert [v.path for v in loaded.variables] == [
        v.path for v in network.variables
    ]


def test_weights_can_be_carried_over_to_other_classes(tmp_path):
    network = small(MIXED)
    network.save_weights(tmp_path / "all.weights.h5")
    loaded = small(MIXED, seed=1)
    loaded.load_weights(tmp_path / "all.weights.h5")
    np.testing.assert_array_equal(loaded(images()), network(images()))


def test_compile_and_fit_learn_as_with_any_keras_model():
    # Bright and dark images: anything that learns tells them apart.
    labels = np.arange(32) % 2
    x = images(32, 8) * 0.5 + labels[:, None, None, None]
    keras.utils.set_random_seed(0)
    network = build_network(MIXED, 2, 4, 1, image_size=8)
    network.compile(
        keras.optimizers.SGD(0.05, 0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = network.fit(x, labels, batch_size=8, epochs=12, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    loss, accuracy = network.evaluate(x, labels, verbose=0)
    assert accuracy > 0.9
    predicted = network.predict(x, verbose=0)
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert loss == pytest.approx(float(entropy(labels, predicted)), rel=1e-4)


def test_the_genotype_may_be_named_in_every_way(tmp_path):
    genotype = SPACES.get("nasbench201").random_genotype(
        np.random.default_rng(3)
    )
    (tmp_path / "genotype.json").write_text(genotype.to_json())
    named = (
        genotype,
        genotype.to_dict(),
        str(genotype),
        str(tmp_path),
        tmp_path / "genotype.json",
    )
    for name in named:
        assert Network(name, 3, 2, 1, 8).genotype == genotype


def test_grey_images_are_taken_as_three_equal_channels():
    network = build_network(MIXED, 4, 2, 1, image_size=8)
    grey = np.random.default_rng(0).normal(size=(2, 8, 8, 1))
    grey = grey.astype(np.float32)
    expected = network(np.repeat(grey, 3, axis=-1)).numpy()
    assert network(grey).numpy().tobytes() == expected.tobytes()
    with pytest.raises(ValueError, match=r"shape \(2, 8, 8, 2\); give"):
        network(np.zeros((2, 8, 8, 2), np.float32))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"init_channels": 0}, "--init_channels=0 is not valid: give a whole"),
        ({"init_channels": 2.5}, "--init_channels=2.5 is not valid"),
        ({"image_shape": (8, 8, 1)}, "'image_shape'. Did you mean 'image_size"),
        ({"foo": 3}, "Unknown argument 'foo'. Known are genotype, num_class"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, said):
    with pytest.raises(ConfigError) as caught:
        build_network(MIXED, **arguments)
    assert said in str(caught.value)
