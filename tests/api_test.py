"""Tests of the Python API, as its users call it."""

import json
import os
import subprocess
import sys
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import maenas_tf as mn
from maenas_tf.algorithms import ALGORITHMS, Algorithm
from maenas_tf.models.alphas import Parameter
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.darts import DartsSpace
from tests.engine.callers_process import watched

SETTINGS = {
    "space": "nasbench201",
    "init_channels": 2,
    "num_cells": 1,
    "decoder_width": 2,
    "patch_size": 4,
    "batch_size": 4,
    "epochs": 1,
    "warmup_epochs": 0,
}


def make_images(*shape):
    """Returns random bytes."""
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def searched():
    """What a search of colour images returns, and changes in the process."""
    with watched() as changes:
        found = mn.search(make_images(16, 16, 16, 3), **SETTINGS)
    return found, changes


@pytest.fixture
def result(searched):
    """What a search of colour images in memory returns."""
    return searched[0]


def test_three_lines_search_an_array_without_labels(result):
    assert isinstance(result.genotype, mn.Genotype)
    SPACES.get("nasbench201").validate(result.genotype)
    assert len(result.history) == 1
    assert result.history[0]["weight_loss"] > 0
    assert result.summary["num_images"] == 16
    assert result.summary["num_labels_read"] == 0
    assert result.alphas["cell"].shape == (1, 6, 5)


def test_a_search_leaves_the_process_as_it_was(searched):
    assert not searched[1]


def test_a_search_that_fails_leaves_the_process_as_it_was():
    # It is noticed when the runtime is set up.
    with pytest.raises(mn.ConfigError), watched() as changes:
        mn.search(make_images(16, 16, 16, 3), patch_size=5)
    assert not changes


def test_the_alphas_of_a_result_lead_to_its_genotype(result):
    last = {name: stack[-1] for name, stack in result.alphas.items()}
    assert mn.derive_genotype(last, "nasbench201") == result.genotype


def test_the_architecture_can_be_read_off_the_mean_of_the_last_epochs():
    settings = {"epochs": 4, "alpha_learning_rate": 0.5, "alpha_average": 3}
    found = mn.search(make_images(16, 8, 8, 3), **{**SETTINGS, **settings})
    weights = tf.nn.softmax(found.alphas["cell"]).numpy()
    space = SPACES.get("nasbench201")
    mean = space.derive({"cell": weights[-3:].mean(0)})
    assert found.genotype == mean != space.derive({"cell": weights[-1]})
    assert found.history[-1]["genotype"] == str(mean)


def test_a_path_is_a_folder_of_images(tmp_path):
    for number, image in enumerate(make_images(16, 18, 16, 3)):
        (tmp_path / "in" / "deep").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "in" / "deep" / f"{number}.png")
    settings = {**SETTINGS, "image_size": 16}
    result = mn.search(tmp_path / "in", run_dir=tmp_path / "run", **settings)
    assert result.summary["dataset"] == "folder"
    assert result.summary["num_images"] == 16
    with pytest.raises(mn.ConfigError, match="whose subfolders are its class"):
        mn.search(str(tmp_path / "in"), labels=np.zeros(16, int), **settings)
    with pytest.raises(mn.ConfigError, match="nowhere does not exist"):
        mn.search(tmp_path / "nowhere", **settings)


@pytest.mark.parametrize(("begun", "shown"), [(True, 9), (False, 255)])
def test_arrays_of_an_older_run_are_read_as_it_began(
    tmp_path, monkeypatch, begun, shown
):
    config = SearchConfig(dataset="arrays", **SETTINGS).to_dict()
    del config["background"]  # younger than the run
    if begun:
        (tmp_path / "config.json").write_text(json.dumps(config))
    images = np.full((16, 8, 8, 4), [9, 9, 9, 0], np.uint8)
    found = []

    def make_search(config, run_dir, image_set):
        found.append(image_set.images)
        return mock.Mock()

    monkeypatch.setattr("maenas_tf.api.make_search", make_search)
    mn.search(images, run_dir=tmp_path, **SETTINGS)
    assert np.all(found[0] == shown)


def test_grey_images_in_a_dataset_can_be_searched_and_kept(tmp_path):
    dataset = tf.data.Dataset.from_tensor_slices(make_images(20, 16, 16, 1))
    run_dir = tmp_path / "run"
    result = mn.search(
        dataset.batch(8), run_dir=run_dir, max_images=16, **SETTINGS
    )
    assert result.summary["num_images"] == 16
    assert mn.load_genotype(run_dir) == result.genotype
    # A finished run is read, not run again, and its directory is free.
    before = os.stat(run_dir / "summary.json").st_mtime_ns
    again = mn.search(dataset, run_dir=run_dir, max_images=16, **SETTINGS)
    assert again.genotype == result.genotype
    assert again.alphas["cell"].tobytes() == result.alphas["cell"].tobytes()
    assert os.stat(run_dir / "summary.json").st_mtime_ns == before
    assert again.history == result.history
    # Nor is what it found told of other images.
    images = make_images(20, 16, 16, 1)
    for others, change in (
        (255 - images, "they have other pixels"),
        (images[:14], "2 images were removed (14 now, 16 then)"),
    ):
        with pytest.raises(mn.ConfigError) as caught:
            mn.search(others, run_dir=run_dir, max_images=16, **SETTINGS)
        assert f"a run on other images: {change}; give" in str(caught.value)


def test_labels_are_refused_by_a_label_free_task():
    with pytest.raises(mn.ConfigError, match="reads no labels; drop them"):
        mn.search(make_images(16, 16, 16, 3), labels=np.zeros(16, int))


def test_labels_are_searched_with_and_weigh_as_told(tmp_path):
    labels = [0] * 12 + [1] * 4
    settings = {"task": "supervised", "class_weight": "balanced", **SETTINGS}
    del settings["decoder_width"], settings["patch_size"]
    found = mn.search(make_images(16, 8, 8, 3), labels=labels, **settings)
    assert found.summary["num_labels_read"] == 16
    weights = {"0": pytest.approx(2 / 3), "1": 2.0}
    assert found.summary["class_weights"] == weights


def test_labels_that_are_no_classes_are_refused_with_the_remedy():
    with pytest.raises(mn.ConfigError, match=r"np.unique\(labels"):
        mn.search(
            make_images(16, 8, 8, 3),
            labels=np.arange(16) % 2 + 1,
            task="supervised",
        )


def test_labels_are_asked_for_by_the_supervised_task():
    with pytest.raises(mn.ConfigError, match="needs `labels`"):
        mn.search(make_images(16, 16, 16, 3), task="supervised")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "Unknown setting 'epoch'"),
        ({"dataset": "digits"}, "Unknown setting 'dataset'"),
        ({"space": "dartz"}, "Did you mean 'darts'"),
        ({"task": "maee"}, "Did you mean 'mae'"),
        ({"epochs": 1.5}, "--epochs=1.5"),
        ({"epochs": "3"}, "--epochs=3 is not valid: give a whole number"),
        ({"epochs": True}, "--epochs=True"),
        ({"augment": 1}, "--augment=1"),
        ({"space": None}, "--space=None"),
        ({"momentum": "0.9"}, "--momentum=0.9 .* finite number"),
        ({"weight_learning_rate": float("inf")}, "--weight_learning_rate=inf"),
        ({"patch_size": 5}, "--patch_size=5 does not divide"),
        ({"batch_size": 9}, "--batch_size=9"),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(mn.ConfigError, match=message):
        mn.search(make_images(16, 16, 16, 3), **settings)


def test_a_failed_search_leaves_its_directory_to_the_next(tmp_path):
    images = make_images(16, 16, 16, 3)
    failures = []
    for _ in range(2):
        # The first exception, kept as notebooks do, holds its traceback.
        with pytest.raises(mn.ConfigError, match="--patch_size=5") as caught:
            mn.search(images, run_dir=tmp_path, patch_size=5)
        failures.append(caught)


def test_images_that_do_not_fit_are_named():
    with pytest.raises(mn.ConfigError, match="last axis is not 1, 3 or 4"):
        mn.search(make_images(16, 16, 16, 2), **SETTINGS)
    with pytest.raises(mn.ConfigError, match="at least 2 images"):
        mn.search(make_images(1, 16, 16, 3), **SETTINGS)
    with pytest.raises(mn.ConfigError, match="--image_size=18"):
        mn.search(make_images(16, 18, 18, 3), **{**SETTINGS, "patch_size": 3})


def test_numpy_numbers_are_settings_like_any_other():
    config = mn.SearchConfig(epochs=np.int64(3), momentum=np.float32(0.5))
    assert type(config.epochs) is int
    assert type(config.momentum) is float
    assert mn.SearchConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("name", SPACES.names())
def test_derive_genotype_takes_the_largest_alphas(name):
    space = SPACES.get(name)
    rng = np.random.default_rng(1)
    alphas = {
        cell_type.name: rng.normal(
            size=(cell_type.num_edges, cell_type.max_primitives)
        )
        for cell_type in space.cell_types
    }
    genotype = mn.derive_genotype(alphas, name)
    assert mn.derive_genotype(alphas, space) == genotype
    for cell_type in space.cell_types:
        for edge in genotype.cells[cell_type.name]:
            place = cell_type.edge(edge.source, edge.node)
            offered = {
                primitive: alphas[cell_type.name][place.index, column]
                for column, primitive in enumerate(place.primitives)
            }
            if space.skeleton == "darts":
                offered.pop("none", None)
            assert edge.primitive == max(offered, key=offered.get)


class Sigmoids(Algorithm):
    """Weights that are largest where the logits are near a second array."""

    def parameters(self, space):
        return {
            **super().parameters(space),
            "center": Parameter((1,), keras.initializers.Zeros()),
        }

    def edge_weights(self, values, cell_type):
        distance = values["alphas_cell"] - values["center"]
        return tf.sigmoid(-tf.abs(distance))


def test_derive_genotype_asks_the_algorithm():
    alphas = {"cell": np.tile(np.arange(5.0), (6, 1)), "center": [3.0]}
    with ALGORITHMS.temporary("sigmoids", Sigmoids):
        found = mn.derive_genotype(alphas, "nasbench201", algorithm="sigmoids")
    chosen = {edge.primitive for edge in found.cells["cell"]}
    assert chosen == {"nor_conv_3x3"}  # the fourth
    with pytest.raises(mn.ConfigError, match="received.*center"):
        mn.derive_genotype(alphas, "nasbench201")
    with pytest.raises(mn.ConfigError, match="has no alphas"):
        mn.derive_genotype(alphas, "nasbench201", algorithm="single_path")


def test_logits_of_candidates_that_an_edge_has_not_count_for_nothing():
    names = ("skip_connect", "sep_conv_3x3")
    space = DartsSpace("ragged", lambda _, index: names[: 1 + index % 2])
    alphas = {
        kind.name: np.array(
            [[0.0, 9.0 - 8.0 * (e.index % 2)] for e in kind.edges]
        )
        for kind in space.cell_types
    }
    genotype = mn.derive_genotype(alphas, space)
    # Where there is one candidate its weight is 1: such edges are strongest.
    for kind in space.cell_types:
        for edge in genotype.cells[kind.name]:
            single = sum(
                len(e.primitives) < 2 for e in kind.edges_into(edge.node)
            )
            found = [
                e.primitive
                for e in genotype.cells[kind.name]
                if e.node == edge.node
            ]
            assert found.count("skip_connect") == min(2, single)


def test_derive_genotype_keeps_limits():
    alphas = {"cell": np.tile([0.0, 1.0, 2.0, 4.0, 3.0], (6, 1))}
    free = mn.derive_genotype(alphas, "nasbench201")
    size = {"init_channels": 4, "num_cells": 1}
    cost = mn.count_parameters(mn.build_network(free, **size))
    found = mn.derive_genotype(
        alphas, "nasbench201", max_parameters=cost - 1, **size
    )
    assert found != free
    assert mn.count_parameters(mn.build_network(found, **size)) < cost


def test_parameters_are_counted_without_the_alphas():
    supernet = mn.build_supernet(
        "nasbench201", init_channels=2, num_cells=1, num_classes=10
    )
    alphas = sum(
        int(np.prod(v.shape)) for v in supernet.architecture.trainable_variables
    )
    assert alphas == 30
    total = sum(int(np.prod(v.shape)) for v in supernet.trainable_variables)
    assert mn.count_parameters(supernet) == total - alphas


IMPORT_ALL = """
import importlib, operator, pkgutil, sys
import maenas_tf

search = maenas_tf.search
for module in pkgutil.walk_packages(maenas_tf.__path__, "maenas_tf."):
    found = importlib.import_module(module.name)
    name = module.name.removeprefix("maenas_tf.")
    if operator.attrgetter(name)(maenas_tf) is not found:
        sys.exit(f"{module.name} is something else")
if maenas_tf.search is not search or not callable(search):
    sys.exit("search is no function any more")
"""


def test_every_module_has_its_dotted_name_and_search_stays_a_function():
    # In a process of its own, in which nothing was imported before.
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_names_are_loaded_at_first_use_and_unknown_ones_refused():
    for name in mn.__all__:
        assert getattr(mn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        mn.serach  # noqa: B018


def test_a_network_is_pretrained_on_an_array_and_gives_its_weights():
    cell = "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    size = {"init_channels": 2, "num_cells": 1}
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), np.uint8)
    with watched() as changes:
        result = mn.pretrain(
            images,
            mn.Genotype.from_string(cell),
            patch_size=4,
            epochs=1,
            batch_size=8,
            **size,
        )
    assert not changes
    assert result.summary["num_labels_read"] == 0
    network = mn.build_network(cell, num_classes=3, image_size=8, **size)
    mn.transfer_weights(result.backbone, network)
    x = images[:2].astype(np.float32)
    for one, other in zip(
        network.features(x), result.backbone(x).values(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    with pytest.raises(mn.ConfigError, match="Unknown setting 'dataset'"):
        mn.pretrain(images, cell, dataset="digits")
