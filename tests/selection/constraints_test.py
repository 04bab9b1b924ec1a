"""Tests of `maenas_tf.selection.constraints` and of searches in a limit."""

from __future__ import annotations

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.selection.constraints import Budget, Limits, describe
from maenas_tf.skeletons import NetworkSize, evaluation_size
from maenas_tf.spaces import SPACES, DartsSpace, Genotype, load_genotype
from tests.searching import small

CELL_SPACES = ("darts", "s1", "s2", "s3", "s4", "nasbench201")


def random_weights(space, seed):
    """Returns softmaxed weights of a space, no two alike."""
    rng = np.random.default_rng(seed)
    return {
        cell_type.name: rng.dirichlet(
            np.ones(cell_type.max_primitives), cell_type.num_edges
        )
        for cell_type in space.cell_types
    }


def strength(genotype, weights):
    """Returns the sum of the logarithms of the chosen weights."""
    space = SPACES.get(genotype.space)
    total = 0.0
    for kind, edges in genotype.cells.items():
        for chosen in edges:
            edge = space.cell_type(kind).edge(chosen.source, chosen.node)
            column = edge.primitives.index(chosen.primitive)
            total += np.log(weights[kind][edge.index, column])
    return total


@pytest.mark.parametrize("name", CELL_SPACES)
def test_without_a_limit_the_strongest_is_what_the_space_derives(name):
    space = SPACES.get(name)
    budget = Budget(space, evaluation_size(space))
    for seed in range(5):
        weights = random_weights(space, seed)
        assert budget.strongest(weights) == space.derive(weights)
    even = {kind: np.full_like(w, 0.25) for kind, w in weights.items()}
    assert budget.strongest(even) == space.derive(even)


def test_a_derived_genotype_under_the_limit_stays():
    space = SPACES.get("darts")
    derived = space.derive(random_weights(space, 0))
    other = random_weights(space, 1)
    budget = Budget(space, NetworkSize(36, 20), Limits(10**7, 10**10))
    assert budget.choose(derived, other) == derived


def every_cell(budget, kind, weights):
    """Returns cost [n, 3] and strength [n] of all cells of a type."""
    cell_type = budget.space.cell_type(kind)
    counted = 0 if kind == "reduce" else 1
    costs, values = np.zeros((1, 3), np.int64), np.zeros(1)
    for node in cell_type.nodes:
        node_costs, node_values = [], []
        for wiring in budget.space.wirings(cell_type, node):
            parts = [
                budget.costs.edge(kind, e.source, e.node, p) for e, p in wiring
            ]
            node_costs.append(
                (
                    sum(p.parameters for p in parts),
                    sum(p.macs for p in parts),
                    counted * sum(p == "skip_connect" for _, p in wiring),
                )
            )
            node_values.append(
                sum(
                    np.log(weights[kind][e.index, e.primitives.index(p)])
                    for e, p in wiring
                )
            )
        costs = (costs[:, None] + np.array(node_costs)).reshape(-1, 3)
        values = (values[:, None] + np.array(node_values)).reshape(-1)
    return costs, values


def strongest_of_all(budget, weights):
    """Returns the strength of the best genotype, by looking at every one."""
    fixed = budget.costs.fixed
    total = np.array([[fixed.parameters, fixed.macs, 0]])
    strengths = np.zeros(1)
    for cell_type in budget.space.cell_types:
        costs, values = every_cell(budget, cell_type.name, weights)
        # Cells of the same cost differ in strength alone.
        unique, inverse = np.unique(costs, axis=0, return_inverse=True)
        best = np.full(len(unique), -np.inf)
        np.maximum.at(best, inverse.reshape(-1), values)
        total = (total[:, None] + unique).reshape(-1, 3)
        strengths = (strengths[:, None] + best).reshape(-1)
    limits = budget.limits
    fits = np.ones(len(total), bool)
    if limits.parameters:
        fits &= total[:, 0] <= limits.parameters
    if limits.macs:
        fits &= total[:, 1] <= limits.macs
    if limits.skips is not None:
        fits &= total[:, 2] <= limits.skips
    return strengths[fits].max()


@pytest.mark.parametrize("name", ["nasbench201", "s2", "s3"])
def test_no_genotype_under_the_limit_is_stronger(name):
    space = SPACES.get(name)
    size = evaluation_size(space)
    for seed in range(4):
        weights = random_weights(space, seed)
        free = Budget(space, size)
        most = free.cost(space.derive(weights))
        one = Budget(space, size, Limits(skips=1)).strongest(weights)
        few = free.cost(one)
        for limits in (
            Limits(parameters=int(0.9 * most.parameters)),
            Limits(macs=int(0.85 * most.macs)),
            Limits(int(0.95 * most.parameters), int(0.85 * most.macs)),
            Limits(skips=0),
            Limits(few.parameters - 1, skips=1),
            Limits(few.parameters - 1, few.macs + 1, 1),
        ):
            budget = Budget(space, size, limits)
            genotype = budget.strongest(weights)
            genotype.validate()
            assert budget.allows(genotype)
            assert strength(genotype, weights) == pytest.approx(
                strongest_of_all(budget, weights)
            )


def test_a_tighter_limit_is_never_stronger():
    space = SPACES.get("darts")
    weights = random_weights(space, 3)
    strengths, costs = [], []
    for limit in range(1_500_000, 3_600_000, 300_000):
        budget = Budget(space, NetworkSize(36, 20), Limits(parameters=limit))
        genotype = budget.strongest(weights)
        strengths.append(strength(genotype, weights))
        costs.append(budget.cost(genotype).parameters <= limit)
    assert all(costs)
    assert strengths == sorted(strengths)
    assert (
        strengths[0]
        < strengths[-1]
        == pytest.approx(strength(space.derive(weights), weights))
    )


@pytest.mark.parametrize("kind", ["parameters", "macs"])
@pytest.mark.parametrize("name", ["darts", "s1", "nasbench201"])
def test_an_impossible_limit_is_refused_with_the_smallest_possible(name, kind):
    space = SPACES.get(name)
    size = evaluation_size(space)
    with pytest.raises(ConfigError, match=f"--max_{kind}=7 ") as caught:
        Budget(space, size, Limits(**{kind: 7}))
    least = int(str(caught.value).split(" has ")[1].split()[0])
    weights = random_weights(space, 0)
    budget = Budget(space, size, Limits(**{kind: least}))
    assert getattr(budget.cost(budget.strongest(weights)), kind) == least
    with pytest.raises(ConfigError, match=f"has {least} "):
        Budget(space, size, Limits(**{kind: least - 1}))


def test_two_limits_that_exclude_each_other_are_refused():
    # At six channels the dilated convolution has fewer parameters and the
    # separable one fewer multiplications.
    space = DartsSpace("two", lambda *_: ("sep_conv_3x3", "dil_conv_5x5"))
    size = NetworkSize(6, 3)

    def least(kind):
        with pytest.raises(ConfigError) as caught:
            Budget(space, size, Limits(**{kind: 1}))
        return int(str(caught.value).split(" has ")[1].split()[0])

    parameters, macs = least("parameters"), least("macs")
    Budget(space, size, Limits(parameters=parameters))
    Budget(space, size, Limits(macs=macs))
    with pytest.raises(ConfigError, match="of at most .* parameters has"):
        Budget(space, size, Limits(parameters, macs))


def test_a_weight_of_zero_leaves_an_order():
    space = SPACES.get("nasbench201")
    weights = {"cell": np.eye(5)[[3, 3, 3, 3, 3, 3]]}
    limits = Limits(parameters=1_400_000)
    genotype = Budget(space, NetworkSize(16, 5), limits).strongest(weights)
    assert genotype.count("nor_conv_3x3") == 5


def test_too_few_cells_for_the_evaluation_are_refused():
    with pytest.raises(ConfigError, match="--eval_num_cells=2 .*at least 3"):
        Budget(SPACES.get("darts"), NetworkSize(36, 2))


def test_the_report_names_both_networks_where_they_differ():
    space = SPACES.get("nasbench201")
    weights = random_weights(space, 0)
    weights["cell"][:, 3] = 1.0
    budget = Budget(space, NetworkSize(16, 5), Limits(parameters=500_000))
    strongest = space.derive(weights)
    chosen = budget.choose(strongest, weights)
    report = budget.report(strongest, chosen)
    assert report["parameters"] == budget.cost(chosen).parameters <= 500_000
    other = report["without_limits"]
    assert Genotype.from_dict(other["genotype"]) == strongest
    assert other["parameters"] == 1_531_546
    text = describe(report)
    for part in (f"{report['macs']:,} MACs", "1,531,546", str(strongest)):
        assert part in text
    assert "--max_parameters=500000" in text
    alone = budget.report(chosen, chosen)
    assert "without_limits" not in alone
    assert len(describe(alone).splitlines()) == 1


def make_search(run_dir, **settings):
    """Returns the smallest search, of one epoch, in a directory."""
    config = small.make_config(epochs=1, decoder_width=2, **settings)
    return SearchExperiment(config, run_dir, small.make_images())


def test_a_search_keeps_its_limit_in_every_file(tmp_path):
    # The smallest network of the space: of cells without a convolution.
    limit = 73_306
    result = make_search(tmp_path, max_parameters=limit).run()
    weights = {kind: array[-1] for kind, array in result.alphas.items()}
    strongest = SPACES.get("nasbench201").derive(weights)
    assert strongest != result.genotype
    report = result.summary["evaluation_network"]
    assert (report["init_channels"], report["num_cells"]) == (16, 5)
    assert report["parameters"] == report["max_parameters"] == limit
    assert report["without_limits"]["genotype"] == strongest.to_dict()
    assert load_genotype(tmp_path) == result.genotype
    assert result.summary["genotype"] == result.genotype.to_dict()
    assert result.history[-1]["genotype"] == str(result.genotype)


def test_an_impossible_limit_stops_a_search_before_its_first_step(tmp_path):
    with pytest.raises(ConfigError, match="--max_macs=5.*smallest") as caught:
        make_search(tmp_path, max_macs=5, eval_init_channels=8)
    assert "--eval_init_channels=8" in str(caught.value)
    assert not (tmp_path / "history.csv").exists()
