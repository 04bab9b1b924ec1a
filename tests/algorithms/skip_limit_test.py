"""Tests of `maenas_tf.algorithms.skip_limit`."""

from __future__ import annotations

import numpy as np
import pytest

import maenas_tf as mn
from maenas_tf.algorithms import ALGORITHMS, Algorithm, skip_limit
from maenas_tf.config import ConfigError
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.selection.constraints import Budget, Limits
from maenas_tf.skeletons import NetworkSize
from maenas_tf.spaces import SPACES, DartsSpace, Genotype, GenotypeEdge
from maenas_tf.spaces.skips import SKIP, count_limited, limited_types
from tests.searching import small

CELL_SPACES = [n for n in SPACES.names() if SPACES.get(n).has_cells]


def defined():
    for name in ALGORITHMS.names():
        algorithm = ALGORITHMS.get(name)()
        for space in CELL_SPACES if algorithm.trains_alphas else ():
            try:
                algorithm.check(SPACES.get(space))
            except ConfigError:
                continue
            yield name, space


def random_weights(space, seed, favour):
    """Returns random weights, those of skips raised."""
    rng = np.random.default_rng(seed)
    weights = {}
    for kind in space.cell_types:
        matrix = rng.random((kind.num_edges, kind.max_primitives))
        for edge in kind.edges:
            matrix[edge.index, len(edge.primitives) :] = 0.0
            if SKIP in edge.primitives:
                matrix[edge.index, edge.primitives.index(SKIP)] += favour
        weights[kind.name] = matrix
    return weights


def skips_of(space, genotype, weights):
    """Returns what the skips weigh that a limit counts."""
    return sorted(
        weights[kind.name][
            kind.edge(e.source, e.node).index,
            kind.edge(e.source, e.node).primitives.index(SKIP),
        ]
        for kind in limited_types(space)
        for e in genotype.cells[kind.name]
        if e.primitive == SKIP
    )


@pytest.mark.parametrize(("name", "space"), list(defined()))
def test_a_limit_leaves_at_most_so_many_skips(name, space):
    algorithm, space = ALGORITHMS.get(name)(), SPACES.get(space)
    limited = {kind.name for kind in limited_types(space)}
    assert limited == ({"normal"} if space.edges_per_node else {"cell"})
    for seed in range(6):
        weights = random_weights(space, seed, favour=seed % 3)
        before = {kind: matrix.copy() for kind, matrix in weights.items()}
        free = algorithm.derive(space, weights)
        assert skip_limit.derive(algorithm, space, weights, None) == free
        for most in range(count_limited(space, free) + 2):
            found = skip_limit.derive(algorithm, space, weights, most)
            found.validate()
            assert count_limited(space, found) <= most
            if most >= count_limited(space, free):
                assert found == free
            elif most and name != "fair_darts":
                # The weakest are dropped: the strongest is left.
                strongest = skips_of(space, free, weights)[-1]
                assert strongest in skips_of(space, found, weights)
            for kind in set(before) - limited:
                assert found.cells[kind] == free.cells[kind]
        for kind, matrix in before.items():
            np.testing.assert_array_equal(weights[kind], matrix)


def test_the_weakest_skip_makes_way_for_the_next_candidate_of_its_rule():
    space = SPACES.get("nasbench201")
    cell = np.full((6, 5), 0.1)
    cell[:, 1] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    cell[:, 3] = 0.2
    found = skip_limit.derive(Algorithm(), space, {"cell": cell}, 4)
    names = [edge.primitive for edge in found.cells["cell"]]
    assert names == [SKIP] * 4 + ["nor_conv_3x3"] * 2


def test_p_darts_allows_two_where_nothing_is_said_and_others_any_number():
    space = SPACES.get("darts")
    found = {
        name: skip_limit.allowed(ALGORITHMS.get(name)(), space, -1)
        for name in ALGORITHMS.names()
    }
    assert found.pop("p_darts") == 2
    assert set(found.values()) == {None}
    assert skip_limit.allowed(ALGORITHMS.get("p_darts")(), space, 0) == 0


class OnlySkips(Algorithm):
    """Takes the skip of every edge, whatever it weighs."""

    def derive(self, space, edge_weights):
        (kind,) = space.cell_types
        return Genotype(
            space.name,
            {
                kind.name: tuple(
                    GenotypeEdge(SKIP, edge.source, edge.node)
                    for edge in kind.edges
                )
            },
        )


def test_an_algorithm_that_does_not_listen_is_told_of():
    space = SPACES.get("nasbench201")
    weights = random_weights(space, 0, 0.0)
    with pytest.raises(ConfigError, match="--max_skips=2 .*takes 6 skips"):
        skip_limit.derive(OnlySkips(), space, weights, 2)


def test_a_space_of_skips_alone_is_refused_with_the_fewest_possible():
    space = DartsSpace("skips", lambda kind, edge: (SKIP, "none"))
    with pytest.raises(ConfigError, match="--max_skips=3 .* has 8 skips"):
        Budget(space, NetworkSize(4, 3), Limits(skips=3))
    Budget(space, NetworkSize(4, 3), Limits(skips=8))


def test_a_search_keeps_the_limit_that_it_is_given(tmp_path):
    weights = {"weights_cell": np.array([[0.1, 0.9, 0.2, 0.3, 0.1]])}
    with SPACES.temporary(small.ONE_EDGE.name, small.ONE_EDGE):
        for most, primitive in ((-1, SKIP), (0, "nor_conv_3x3")):
            config = small.make_config(
                space=small.ONE_EDGE.name, max_skips=most, decoder="linear"
            )
            experiment = SearchExperiment(
                config, tmp_path / str(most), small.make_images(16)
            )
            experiment.history.append_arrays(weights)
            (edge,) = experiment._genotype().cells["cell"]
            assert edge.primitive == primitive
            experiment.run_directory.close()


def test_derive_genotype_keeps_it_too():
    alphas = {"cell": np.eye(5)[[1] * 6] + np.linspace(0, 0.1, 5)}
    free = mn.derive_genotype(alphas, "nasbench201")
    assert free.count(SKIP) == 6
    few = mn.derive_genotype(alphas, "nasbench201", max_skips=1)
    assert few.count(SKIP) == 1
    alphas["skip_dropout"] = np.zeros(())
    two = mn.derive_genotype(alphas, "nasbench201", algorithm="p_darts")
    assert two.count(SKIP) == 2
    layers = {"layers": np.zeros((8, 3))}
    with pytest.raises(ConfigError, match="--max_skips=1 .*chain of layers"):
        mn.derive_genotype(layers, "macro", max_skips=1)
