"""A search is what its algorithm says: here one that says everything.

`Gates` is registered in this file and touches no other one.
"""

from __future__ import annotations

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import maenas_tf as mn
from maenas_tf.algorithms import ALGORITHMS, Algorithm
from maenas_tf.config import ConfigError
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.engine.optimization import SGD
from maenas_tf.models.alphas import Parameter
from maenas_tf.searching.begin import make_search
from maenas_tf.searching.build import build_searcher
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.skeletons import evaluation_size, network_cost
from maenas_tf.spaces import SPACES, Genotype, GenotypeEdge, load_genotype
from maenas_tf.tasks.objective import build_task
from maenas_tf.training.retrainer import Retrainer
from tests.searching import small
from tests.tools import commands

SPACE = small.ONE_EDGE
SETTINGS = {
    "space": SPACE.name,
    "algorithm": "gates",
    "decoder": "linear",
    "epochs": 3,
    "warmup_epochs": 0,
    "alpha_learning_rate": 0.1,
    "seed": 1,
}
STEPS = 2


class Gates(Algorithm):
    """Sigmoid weights times a gate for each edge, in two stages."""

    force = 0.5

    def stages(self, whole):
        deeper = whole.num_cells + 1
        return (
            dataclasses.replace(whole, epochs=whole.epochs - 1),
            dataclasses.replace(whole, epochs=1, num_cells=deeper),
        )

    def parameters(self, space):
        arrays = super().parameters(space)
        for kind in space.cell_types:
            arrays[f"gates_{kind.name}"] = Parameter(
                (kind.num_edges,), keras.initializers.RandomNormal(stddev=1.0)
            )
        zeros = keras.initializers.Zeros()
        arrays["heat"] = Parameter((), zeros, trainable=False)
        return arrays

    def start_epoch(self, stage, epoch, supernet):
        supernet.architecture.arrays["heat"].assign(epoch + 1.0)

    def edge_weights(self, values, cell_type):
        weights = tf.sigmoid(values[f"alphas_{cell_type.name}"])
        gates = tf.sigmoid(values["heat"] * values[f"gates_{cell_type.name}"])
        return weights * gates[:, tf.newaxis]

    def penalty(self, values):
        gates = [v for name, v in values.items() if name.startswith("gates")]
        return self.force * tf.add_n([tf.reduce_sum(g) for g in gates])

    def narrow(self, stage, candidates, weights):
        return {
            kind: left & (weights[kind] > weights[kind].min(1, keepdims=True))
            for kind, left in candidates.items()
        }

    def derive(self, space, edge_weights):
        """Keeps the two strongest edges of a node that weigh enough."""
        if not space.edges_per_node:
            return super().derive(space, edge_weights)
        cells = {}
        for kind in space.cell_types:
            strengths = edge_weights[kind.name].max(axis=1)
            best = edge_weights[kind.name].argmax(axis=1)
            fed, kept = set(range(kind.num_inputs)), []
            for node in kind.nodes:
                edges = [e for e in kind.edges_into(node) if e.source in fed]
                edges.sort(key=lambda e: -strengths[e.index])
                edges = [e for e in edges[:2] if strengths[e.index] > 0.25]
                fed |= {node} if edges else set()
                kept += [
                    GenotypeEdge(e.primitives[best[e.index]], e.source, node)
                    for e in sorted(edges, key=lambda e: e.source)
                ]
            cells[kind.name] = tuple(kept)
        return Genotype(space.name, cells)


@pytest.fixture(scope="module", autouse=True)
def registered():
    with SPACES.temporary(SPACE.name, SPACE):
        with ALGORITHMS.temporary("gates", Gates):
            yield


def make(run_dir):
    config = small.make_config(**SETTINGS)
    return SearchExperiment(config, run_dir, small.make_images(16))


# Stage, epoch in it and step of the copies: in a stage and between two.
PLACES = {"in_first": (0, 1, 1), "between": (0, 2, 0), "in_second": (1, 0, 1)}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a finished run, copies of it on the way, and its result."""
    folder = tmp_path_factory.mktemp("stages")
    save = RunCheckpoint.save

    def save_and_copy(self, state):
        path = save(self, state)
        place = int(path.split("stage_")[1][0]), state["epoch"], state["step"]
        for name, wanted in PLACES.items():
            if place == wanted:
                shutil.copytree(folder / "whole", folder / name)
        return path

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(RunCheckpoint, "save", save_and_copy)
        experiment = make(folder / "whole")
        experiment.checkpoint_seconds = experiment.loop.checkpoint_seconds = -1
        return folder, experiment.run()


def variables(run_dir):
    """Returns the bits of everything in the last checkpoint."""
    path = tf.train.latest_checkpoint(str(run_dir / "checkpoints" / "stage_1"))
    reader = tf.train.load_checkpoint(path)
    return {
        name: reader.get_tensor(name).tobytes()
        for name in reader.get_variable_to_shape_map()
        if name.startswith("variables/")
    }


@pytest.mark.parametrize("name", PLACES)
def test_a_search_goes_on_in_and_between_stages_to_the_same_bits(
    finished, name
):
    folder, result = finished
    again = make(folder / name)
    assert again.stage.number == (name != "in_first")
    found = again.run()
    assert found.genotype == result.genotype
    expected = commands.alphas(folder / "whole")
    arrays = commands.alphas(folder / name)
    assert arrays.keys() == expected.keys()
    for array, stack in expected.items():
        assert arrays[array].tobytes() == stack.tobytes(), array
    whole = variables(folder / "whole")
    assert len(whole) > 30
    assert variables(folder / name) == whole
    for row, other in zip(found.history, result.history, strict=True):
        for column in ("epoch", "stage", "weight_loss", "genotype"):
            assert str(row[column]) == str(other[column])


def test_a_restart_in_stages_is_the_search_of_its_seed(finished, tmp_path):
    folder, result = finished
    config = small.make_config(**{**SETTINGS, "seed": 0, "restarts": 2})
    found = make_search(config, tmp_path, small.make_images(16)).run()
    restart = tmp_path / "restart_1"
    for array, stack in commands.alphas(folder / "whole").items():
        assert commands.alphas(restart)[array].tobytes() == stack.tobytes()
    assert variables(restart) == variables(folder / "whole")
    assert load_genotype(restart) == result.genotype
    assert [row["stage"] for row in found.history] == [0, 0, 1]


def test_each_stage_has_a_network_and_parameters_of_its_own(finished):
    folder, result = finished
    assert [row["stage"] for row in result.history] == [0, 0, 1]
    assert [row["epoch"] for row in result.history] == [0, 1, 2]
    assert (folder / "whole" / "checkpoints" / "stage_0").is_dir()
    # The rate begins anew, and so does what was drawn.
    rates = [row["learning_rate_weights"] for row in result.history]
    assert rates[0] == rates[2] > rates[1]
    arrays = commands.alphas(folder / "whole")
    moved = np.abs(np.diff(arrays["gates_cell"], axis=0))
    assert moved[0] < 0.3 < moved[1]
    np.testing.assert_array_equal(arrays["heat"], [1.0, 2.0, 1.0])
    summary = json.loads((folder / "whole" / "summary.json").read_text())
    assert [stage["num_cells"] for stage in summary["stages"]] == [1, 2]
    assert (summary["num_cells"], summary["warmup_epochs"]) == (2, 2)
    assert summary["steps"] == 3 * STEPS


def test_every_array_is_recorded_by_its_name(finished):
    folder, result = finished
    arrays = commands.alphas(folder / "whole")
    assert arrays.keys() == {
        "heat",
        "alphas_cell",
        "gates_cell",
        "weights_cell",
    }
    assert result.alphas.keys() == {"cell"}
    assert result.alphas["cell"].shape == (3, 1, 5)


def test_a_stage_computes_only_the_candidates_that_were_left(finished):
    folder, _ = finished
    weights = commands.alphas(folder / "whole")["weights_cell"]
    assert (weights[1] > 0).all()
    np.testing.assert_array_equal(
        weights[2] > 0, weights[1] > weights[1].min(1, keepdims=True)
    )
    space = make(folder / "whole").searcher.supernet.space
    (before,), (left,) = (
        [edge.primitives for edge in s.cell_types[0].edges]
        for s in (SPACE, space)
    )
    assert left == tuple(
        name if weight else "none"
        for name, weight in zip(before, weights[2][0], strict=True)
    )


def test_the_penalty_moves_the_alphas_and_no_weight():
    config = small.make_config(**{**SETTINGS, "alpha_weight_decay": 0.0})
    searchers = []
    for force in (0.0, 3.0):
        algorithm = Gates()
        algorithm.force = force
        keras.utils.set_random_seed(0)
        task = build_task(config, SPACE, small.IMAGE_SIZE, 0)
        searchers.append(build_searcher(config, SPACE, task, algorithm))
    batch = small.make_batch(searchers[0])["alphas"]
    found = []
    for searcher in searchers:
        weights = [v.value for v in searcher.weight_variables]
        alphas = [v.value for v in searcher.alpha_variables]
        with tf.GradientTape() as tape:
            loss = searcher.alpha_loss(batch, weights, alphas)
        found.append((loss, tape.gradient(loss, [*weights, *alphas])))
    (loss, plain), (penalized, gradients) = found
    names = [
        v.path for v in (*searcher.weight_variables, *searcher.alpha_variables)
    ]
    gates = [v for v in searcher.alpha_variables if "gates" in v.path]
    total = sum(v.numpy().sum() for v in gates)
    np.testing.assert_allclose(penalized - loss, 3.0 * total, rtol=1e-4)
    for name, one, other in zip(names, plain, gradients, strict=True):
        shift = 3.0 if "gates" in name else 0.0
        np.testing.assert_allclose(other - one, shift, atol=1e-5)


def test_stages_and_scores_do_not_go_together(tmp_path):
    config = small.make_config(**{**SETTINGS, "selection": "evolution"})
    with pytest.raises(ConfigError, match="--selection=evolution.*2 stages"):
        SearchExperiment(config, tmp_path, small.make_images(16))
    strongest = config.replace(selection="strongest")
    SearchExperiment(strongest, tmp_path / "macs", small.make_images(16))
    with pytest.raises(ConfigError, match="--selection=strongest.*2 stages"):
        SearchExperiment(
            strongest.replace(score="loss"),
            tmp_path / "loss",
            small.make_images(16),
        )


def sparse_genotype():
    """Returns what is derived where the edges into a node weigh too little."""
    space = SPACES.get("s2")
    weights = {
        kind.name: np.full((kind.num_edges, kind.max_primitives), 0.4)
        for kind in space.cell_types
    }
    weights["normal"][2:5] = 0.1  # all edges into node 3
    return Gates().derive(space, weights)


def test_an_algorithm_may_leave_a_node_without_an_edge():
    genotype = sparse_genotype()
    nodes = {edge.node for edge in genotype.cells["normal"]}
    assert nodes == {2, 4, 5}
    assert {e.source for e in genotype.cells["normal"]} <= {0, 1, 2, 4}


def test_a_network_with_a_node_less_is_counted_and_trained():
    genotype = sparse_genotype()
    size = evaluation_size(SPACES.get("s2"), "cifar", 4, 3, 8, 3)
    network = mn.build_network(genotype, 3, 4, 3, image_size=8)
    cost = network_cost(genotype, size)
    assert mn.count_parameters(network) == cost.parameters
    assert mn.Genotype.from_json(genotype.to_json()) == genotype
    retrainer = Retrainer(network)
    retrainer.compile(SGD(0.1))
    before = small.flat(small.values(network.trainable_variables))
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
    labels = tf.constant([0, 1, 2, 0])
    batch = {"image": tf.constant(images, tf.float32), "label": labels}
    assert np.isfinite(retrainer.train_step(batch)["train_loss"])
    after = small.flat(small.values(network.trainable_variables))
    assert np.isfinite(after).all()
    assert (after != before).mean() > 0.9


def test_the_warm_up_may_be_the_algorithm_s(tmp_path, monkeypatch):
    monkeypatch.setattr(Gates, "warmup_fraction", 0.5)
    monkeypatch.setattr(Gates, "stages", Algorithm.stages)
    config = small.make_config(**{**SETTINGS, "warmup_epochs": -1})
    experiment = SearchExperiment(config, tmp_path, small.make_images(16))
    (stage,) = experiment.setup.stages
    assert (stage.epochs, stage.warmup_epochs) == (3, 1)
    assert [stage.updates_alphas(e) for e in range(3)] == [0, 1, 1]
