"""What every registered algorithm must keep."""

from __future__ import annotations

import pathlib
import shutil

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.config import ConfigError
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.runs.csv_files import read_rows
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.spaces import SPACES, statistics
from tests.searching import small
from tests.tools import commands

RECIPES = pathlib.Path(__file__).resolve().parents[2] / "flags" / "recipes"
NUM_CLASSES = 4
# At the smallest size, and with options that any of them takes.
OWN = {
    "darts": {"perturb_alphas": "random"},
    "fair_darts": {"perturb_alphas": "random"},
    "p_darts": {
        "stage_added_cells": "0,1",
        "stage_primitives": "8,2",
        "stage_dropouts": "0.3,0",
    },
    "pc_darts": {"partial_channels": 2},
}
WITH_ALPHAS = [n for n in ALGORITHMS.names() if ALGORITHMS.get(n).trains_alphas]
every_algorithm = pytest.mark.parametrize("name", ALGORITHMS.names())
every_gradient_algorithm = pytest.mark.parametrize("name", WITH_ALPHAS)


@pytest.fixture(scope="module", autouse=True)
def registered():
    with SPACES.temporary(small.TWO_EDGES.name, small.TWO_EDGES):
        yield


def make_config(name, **settings):
    return small.make_config(
        **{"algorithm": name, "alpha_learning_rate": 0.1, **OWN.get(name, {})},
        **settings,
    )


def make_searcher(name, task="mae", **settings):
    classes = NUM_CLASSES if task == "supervised" else 0
    config = make_config(name, task=task, **settings)
    return small.make_searcher(config, num_classes=classes)


def defined(name, space):
    try:
        ALGORITHMS.get(name)().check(SPACES.get(space))
    except ConfigError:
        return False
    return True


PLACES = [
    (name, *place)
    for name in WITH_ALPHAS
    for place in (("mae", "nasbench201"), ("supervised", "s2"))
    if defined(name, place[1])
]


@pytest.mark.parametrize(("name", "task", "space"), PLACES)
def test_two_steps_move_every_parameter_and_no_frozen_one(name, task, space):
    algorithm = ALGORITHMS.get(name)
    searcher = make_searcher(
        name, task, space=space, order=algorithm.orders[-1]
    )
    architecture = searcher.supernet.architecture
    alphas = {id(v) for v in searcher.alpha_variables}
    weights = {id(v) for v in searcher.weight_variables}
    assert alphas
    assert not alphas & weights
    frozen = [v for v in architecture.arrays.values() if id(v) not in alphas]
    assert not {id(v) for v in frozen} & weights
    before = small.values(searcher.alpha_variables)
    others = small.values(frozen)
    start = small.values(searcher.weight_variables)
    batch = small.make_batch(searcher)
    for _ in range(2):
        metrics = searcher.train_step(batch)
        assert all(np.isfinite(value) for value in metrics.values())
    for variable, old in zip(searcher.alpha_variables, before, strict=True):
        kind = architecture.parameters[variable.name].candidates_of
        moves = architecture.candidates[kind] if kind else True
        assert ((variable.numpy() != old) == moves).all(), variable.path
    for variable, old in zip(frozen, others, strict=True):
        assert (variable.numpy() == old).all(), variable.path
    for variable, old in zip(searcher.weight_variables, start, strict=True):
        assert (variable.numpy() != old).any(), variable.path
    genotype = ALGORITHMS.get(name)().derive(
        SPACES.get(space), architecture.numpy()
    )
    genotype.validate()


@every_gradient_algorithm
def test_a_killed_search_ends_as_one_in_peace_with_a_complete_history(
    name, tmp_path
):
    config = make_config(
        name,
        space=small.TWO_EDGES.name,
        dataset="arrays",
        decoder="linear",
        epochs=2,
        warmup_epochs=0,
    )
    images = small.make_images(32)
    one = SearchExperiment(config, tmp_path / "one", images)
    # Stage, epoch in it and step of the copies.
    places = {"two": (one.setup.num_stages - 1, 1, 2)}
    if one.setup.num_stages > 1:
        places["between"] = (0, one.stage.stage.epochs, 0)
    save = RunCheckpoint.save

    def save_and_copy(self, state):
        path = save(self, state)
        place = one.stage.number, state["epoch"], state["step"]
        for copy, wanted in places.items():
            if place == wanted:
                shutil.copytree(tmp_path / "one", tmp_path / copy)
        return path

    one.checkpoint_seconds = one.loop.checkpoint_seconds = -1.0
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(RunCheckpoint, "save", save_and_copy)
        expected = one.run()
    for copy, (stage, epoch, _) in places.items():
        two = SearchExperiment(config, tmp_path / copy, images)
        ended = epoch == two.setup.stages[stage].epochs
        assert two.stage.number == stage + ended
        found = two.run()
        assert found.genotype == expected.genotype
        found.genotype.validate()
        assert_same_end(one, two)
    assert_complete(one, tmp_path / "two")


def assert_same_end(one, two):
    whole = commands.alphas(one.run_directory.path)
    arrays = commands.alphas(two.run_directory.path)
    assert arrays.keys() == whole.keys()
    for array, stack in whole.items():
        assert arrays[array].tobytes() == stack.tobytes(), array
    for variable, other in zip(
        one.searcher.variables, two.searcher.variables, strict=True
    ):
        np.testing.assert_array_equal(variable, other, err_msg=variable.path)


def assert_complete(experiment, run_dir):
    """History and TensorBoard tell all that the algorithm has."""
    epochs = list(range(experiment.setup.epochs))
    rows = read_rows(run_dir / "history.csv")
    assert [int(row["epoch"]) for row in rows] == epochs
    arrays = commands.alphas(run_dir)
    architecture = experiment.searcher.supernet.architecture
    expected = {name: arrays[name] for name in architecture.numbers()}
    if experiment.searcher.noise is not None:
        expected["alpha_noise"] = [0.03, 0.165]
    if experiment.setup.num_stages > 1:
        expected["stage"] = [0.0, 0.0, 1.0, 1.0]
    for name, values in expected.items():
        told = [float(row[name]) for row in rows]
        np.testing.assert_allclose(told, values, rtol=1e-6)
    for name, parameter in architecture.parameters.items():
        if parameter.edges_of:
            kind = experiment.space.cell_type(parameter.edges_of)
            for edge in kind.edges:
                tag = f"{name}/edge_{edge.source}_{edge.node}"
                expected[tag] = arrays[name][:, edge.index]
    for kind in experiment.space.cell_types:
        expected[f"entropy/{kind.name}"] = [
            statistics.entropy(w) for w in arrays[f"weights_{kind.name}"]
        ]
    events = EventAccumulator(str(run_dir / "tensorboard")).Reload()
    for tag, values in expected.items():
        shown = events.Scalars(tag)
        assert [event.step for event in shown] == epochs
        np.testing.assert_allclose(
            [event.value for event in shown], values, rtol=1e-5, err_msg=tag
        )


@every_gradient_algorithm
def test_an_order_is_done_or_refused(name, tmp_path):
    if "second" in ALGORITHMS.get(name).orders:
        return
    config = make_config(name, space="s2", order="second")
    with pytest.raises(ConfigError, match=f"second is not defined.*{name}"):
        SearchExperiment(config, tmp_path / "run", small.make_images(16))
    assert not (tmp_path / "run").exists()


@every_gradient_algorithm
def test_a_space_is_searched_or_refused(name, tmp_path):
    for space in SPACES.names():
        if not defined(name, space):
            config = make_config(name, space=space)
            with pytest.raises(ConfigError, match=f"^--space={space} .*give"):
                SearchExperiment(config, tmp_path / "r", small.make_images(16))
            assert not (tmp_path / "r").exists()


@every_algorithm
def test_there_is_a_recipe_for_the_algorithm(name):
    if name == SearchConfig().algorithm:
        return
    lines = [path.read_text().split() for path in RECIPES.glob("*.flags")]
    assert any(f"--algorithm={name}" in found for found in lines)
