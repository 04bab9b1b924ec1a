"""Tests of `maenas_tf.spaces.space`, and of every registered space."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from maenas_tf.spaces import SPACES, Genotype, GenotypeEdge

NAMES = SPACES.names()


def _weights(space, seed):
    rng = np.random.default_rng(seed)
    return {
        cell_type.name: rng.random(
            (cell_type.num_edges, cell_type.max_primitives)
        )
        for cell_type in space.cell_types
    }


def test_the_promised_spaces_are_registered():
    promised = {"darts", "s1", "s2", "s3", "s4", "nasbench201"}
    promised |= {"macro", "mobilenet"}
    assert promised <= set(NAMES)


def test_importing_the_spaces_does_not_import_tensorflow():
    code = (
        "import sys, maenas_tf.spaces.space;"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    root = pathlib.Path(__file__).resolve().parents[2]
    # The package's own __init__ may import anything; stand in for it.
    stub = (
        "import sys, types;"
        "package = types.ModuleType('maenas_tf');"
        f"package.__path__ = [{str(root / 'maenas_tf')!r}];"
        "sys.modules['maenas_tf'] = package;"
    )
    result = subprocess.run([sys.executable, "-c", stub + code], check=False)
    assert result.returncode == 0


@pytest.mark.parametrize("name", NAMES)
class TestEverySpace:
    def test_knows_its_own_name(self, name):
        assert SPACES.get(name).name == name

    def test_edges_are_indexed_in_order_and_point_forward(self, name):
        for cell_type in SPACES.get(name).cell_types:
            indices = [edge.index for edge in cell_type.edges]
            assert indices == list(range(cell_type.num_edges))
            for edge in cell_type.edges:
                assert 0 <= edge.source < edge.node
                assert edge.node in cell_type.nodes
            assert set(cell_type.concat) <= set(cell_type.nodes)

    def test_edges_into_the_nodes_partition_the_edges(self, name):
        for cell_type in SPACES.get(name).cell_types:
            edges = sum(map(cell_type.edges_into, cell_type.nodes), ())
            assert edges == cell_type.edges

    def test_derived_genotype_is_valid(self, name):
        space = SPACES.get(name)
        genotype = space.derive(_weights(space, seed=0))
        space.validate(genotype)
        assert genotype.space == name

    def test_derived_genotype_depends_on_the_weights(self, name):
        space = SPACES.get(name)
        derived = {space.derive(_weights(space, seed)) for seed in range(8)}
        assert len(derived) > 4

    def test_derive_does_not_change_the_weights(self, name):
        space = SPACES.get(name)
        weights = _weights(space, seed=1)
        space.derive(weights)
        for key, matrix in _weights(space, seed=1).items():
            np.testing.assert_array_equal(weights[key], matrix)

    def test_random_genotype_is_valid_and_reproducible(self, name):
        space = SPACES.get(name)
        first = space.random_genotype(np.random.default_rng(3))
        again = space.random_genotype(np.random.default_rng(3))
        other = space.random_genotype(np.random.default_rng(4))
        space.validate(first)
        assert first == again
        assert first != other

    def test_random_genotypes_reach_every_choice(self, name):
        space = SPACES.get(name)
        rng = np.random.default_rng(0)
        genotypes = [space.random_genotype(rng) for _ in range(1200)]
        for cell_type in space.cell_types:
            seen = {
                edge
                for genotype in genotypes
                for edge in genotype.cells[cell_type.name]
            }
            expected = {
                GenotypeEdge(primitive, edge.source, edge.node)
                for edge in cell_type.edges
                for primitive in edge.primitives
                if primitive != "none" or space.skeleton == "nasbench201"
            }
            assert seen == expected

    def test_json_and_string_round_trip(self, name):
        space = SPACES.get(name)
        rng = np.random.default_rng(5)
        for _ in range(20):
            genotype = space.random_genotype(rng)
            assert Genotype.from_json(genotype.to_json()) == genotype
            assert Genotype.from_string(str(genotype)) == genotype
            assert "\n" not in str(genotype)

    def test_missing_weights_are_an_error(self, name):
        with pytest.raises(ValueError, match="are missing"):
            SPACES.get(name).derive({})

    def test_misshapen_weights_are_an_error(self, name):
        space = SPACES.get(name)
        weights = {
            key: matrix[:-1] for key, matrix in _weights(space, 0).items()
        }
        with pytest.raises(ValueError, match="has the shape"):
            space.derive(weights)

    def test_weights_that_are_not_numbers_are_an_error(self, name):
        space = SPACES.get(name)
        weights = _weights(space, 0)
        weights[space.cell_types[0].name][1, 1] = np.nan
        with pytest.raises(ValueError, match="NaN on edge 1"):
            space.derive(weights)

    def test_genotype_of_another_space_is_rejected(self, name):
        space = SPACES.get(name)
        genotype = space.random_genotype(np.random.default_rng(0))
        stranger = Genotype("elsewhere", genotype.cells)
        with pytest.raises(ValueError, match="space 'elsewhere', not to"):
            space.validate(stranger)

    def test_genotype_without_a_cell_is_rejected(self, name):
        space = SPACES.get(name)
        with pytest.raises(ValueError, match="has the cells"):
            space.validate(Genotype(name, {}))

    def test_genotype_without_an_edge_is_rejected(self, name):
        space = SPACES.get(name)
        genotype = space.random_genotype(np.random.default_rng(0))
        cells = dict.fromkeys(genotype.cells, ())
        with pytest.raises(ValueError, match="cell needs"):
            space.validate(Genotype(name, cells))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"node": 99}, "Wrong node"),
            ({"source": 99}, "Wrong source 99"),
            ({"source": -1}, "Wrong source -1"),
            ({"primitive": "conv_9x9"}, "Wrong primitive 'conv_9x9'"),
        ],
    )
    def test_wrong_edge_is_rejected(self, name, changes, message):
        space = SPACES.get(name)
        genotype = space.random_genotype(np.random.default_rng(0))
        cells = dict(genotype.cells)
        key = space.cell_types[-1].name
        first, *rest = cells[key]
        values = {
            "primitive": first.primitive,
            "source": first.source,
            "node": first.node,
            **changes,
        }
        cells[key] = (GenotypeEdge(**values), *rest)
        with pytest.raises(ValueError, match=message):
            space.validate(Genotype(name, cells))


def test_unknown_cell_type_lists_the_known_ones():
    with pytest.raises(ValueError, match="known are normal, reduce"):
        SPACES.get("darts").cell_type("norml")


def test_unknown_edge_lists_the_sources():
    cell_type = SPACES.get("darts").cell_type("normal")
    assert cell_type.edge(2, 5).index == 11
    with pytest.raises(ValueError, match=r"sources of node 3 are \[0, 1, 2\]"):
        cell_type.edge(3, 3)


def test_primitives_are_listed_once():
    assert SPACES.get("s2").primitives == ("skip_connect", "sep_conv_3x3")
    assert len(SPACES.get("darts").primitives) == 8
