"""Tests of `maenas_tf.spaces.darts`."""

import numpy as np
import pytest

from maenas_tf.spaces import SPACES, DartsSpace, Genotype, GenotypeEdge
from maenas_tf.spaces.darts import PRIMITIVES

DARTS = SPACES.get("darts")


def _flat(value=0.01):
    return {name: np.full((14, 8), value) for name in ("normal", "reduce")}


def _pairs(genotype, cell):
    return [(edge.primitive, edge.source) for edge in genotype.cells[cell]]


def _oracle(cell_type, matrix):
    """The derivation rule in words: sort names, keep two, look up best."""
    chosen = []
    for node in cell_type.nodes:
        strengths = {}
        for edge in cell_type.edges_into(node):
            named = dict(zip(edge.primitives, matrix[edge.index], strict=False))
            named.pop("none", None)
            best = max(named, key=named.get)
            strengths[edge.source] = (named[best], best)
        kept = sorted(strengths, key=lambda source: -strengths[source][0])[:2]
        for source in sorted(kept):
            chosen.append(GenotypeEdge(strengths[source][1], source, node))
    return tuple(chosen)


def test_edges_are_wired_in_the_order_of_darts():
    pairs = [
        (edge.node, edge.source) for edge in DARTS.cell_type("normal").edges
    ]
    assert pairs[:5] == [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    assert pairs[5:9] == [(4, 0), (4, 1), (4, 2), (4, 3)]
    assert pairs[9:] == [(5, 0), (5, 1), (5, 2), (5, 3), (5, 4)]


def test_only_the_inputs_of_a_reduction_cell_are_strided():
    for edge in DARTS.cell_type("normal").edges:
        assert not edge.reduces
    strided = [
        edge.index for edge in DARTS.cell_type("reduce").edges if edge.reduces
    ]
    assert strided == [0, 1, 2, 3, 5, 6, 9, 10]


def test_primitives_have_the_order_of_darts():
    assert PRIMITIVES.index("none") == 0
    assert PRIMITIVES.index("skip_connect") == 3
    assert PRIMITIVES.index("dil_conv_5x5") == 7


def test_equal_weights_give_the_lowest_indices():
    expected = [("max_pool_3x3", 0), ("max_pool_3x3", 1)] * 4
    genotype = DARTS.derive(_flat())
    assert _pairs(genotype, "normal") == expected
    assert _pairs(genotype, "reduce") == expected


def test_none_is_never_chosen_and_does_not_count_for_the_ranking():
    weights = _flat()
    weights["normal"][:, 0] = 0.1
    # Edges 3 and 4 (3<-1 and 3<-2) are the strongest without `none`.
    weights["normal"][2, 0] = 0.9
    weights["normal"][3, 4] = 0.3
    weights["normal"][4, 7] = 0.2
    genotype = DARTS.derive(weights)
    assert genotype.count("none") == 0
    assert _pairs(genotype, "normal")[2:4] == [
        ("sep_conv_3x3", 1),
        ("dil_conv_5x5", 2),
    ]


def test_sources_ascend_even_if_the_higher_one_is_stronger():
    weights = _flat()
    weights["reduce"][13, 5] = 0.9
    weights["reduce"][10, 3] = 0.8
    assert _pairs(DARTS.derive(weights), "reduce")[6:] == [
        ("skip_connect", 1),
        ("sep_conv_5x5", 4),
    ]


def test_none_is_looked_up_on_the_edge_itself():
    # Others looked `none` up with the index of the edge within its node:
    # right on node 2 only. Here its column is different on every edge.
    names = ("none", "skip_connect", "sep_conv_3x3")

    def primitives(cell_type, index):
        shift = index % 3 if cell_type == "normal" else (index + 1) % 3
        return names[shift:] + names[:shift]

    space = DartsSpace("rotated", primitives)
    rng = np.random.default_rng(0)
    with SPACES.temporary("rotated", space):
        for _ in range(20):
            weights = {}
            for cell_type in space.cell_types:
                matrix = rng.random((14, 3))
                for edge in cell_type.edges:
                    none = edge.primitives.index("none")
                    matrix[edge.index, none] = 2 + rng.random()
                weights[cell_type.name] = matrix
            genotype = space.derive(weights)
            assert genotype.count("none") == 0
            for cell_type in space.cell_types:
                assert genotype.cells[cell_type.name] == _oracle(
                    cell_type, weights[cell_type.name]
                )


@pytest.mark.parametrize("name", ["darts", "s1", "s2", "s3", "s4"])
def test_derivation_equals_the_rule_in_words(name):
    space = SPACES.get(name)
    rng = np.random.default_rng(7)
    for _ in range(20):
        weights = {
            cell_type.name: rng.dirichlet(
                np.ones(cell_type.max_primitives), cell_type.num_edges
            )
            for cell_type in space.cell_types
        }
        genotype = space.derive(weights)
        for cell_type in space.cell_types:
            assert genotype.cells[cell_type.name] == _oracle(
                cell_type, weights[cell_type.name]
            )


def test_unused_columns_of_ragged_edges_are_ignored():
    def primitives(cell_type, index):
        del cell_type
        names = ("skip_connect", "sep_conv_3x3", "dil_conv_3x3")
        return names if index == 1 else names[:2]

    space = DartsSpace("ragged", primitives)
    weights = {name: np.full((14, 3), 0.1) for name in ("normal", "reduce")}
    for matrix in weights.values():
        matrix[:, 2] = np.nan
        matrix[1, 2] = 0.2
        matrix[3, 1] = 0.3
    genotype = space.derive(weights)
    assert _pairs(genotype, "normal")[:4] == [
        ("skip_connect", 0),
        ("dil_conv_3x3", 1),
        ("skip_connect", 0),
        ("sep_conv_3x3", 1),
    ]


def test_none_in_a_genotype_is_rejected():
    genotype = DARTS.derive(_flat())
    first, *rest = genotype.cells["normal"]
    cells = dict(genotype.cells)
    cells["normal"] = (GenotypeEdge("none", first.source, first.node), *rest)
    with pytest.raises(ValueError, match="Wrong primitive 'none'"):
        DARTS.validate(Genotype("darts", cells))


def test_the_same_source_twice_is_rejected():
    cells = dict(DARTS.derive(_flat()).cells)
    edge = cells["reduce"][4]
    cells["reduce"] = (*cells["reduce"][:5], edge, *cells["reduce"][6:])
    with pytest.raises(ValueError, match="Node 4 .* source 0 twice"):
        DARTS.validate(Genotype("darts", cells))


def test_three_edges_into_a_node_are_rejected():
    cells = dict(DARTS.derive(_flat()).cells)
    moved = GenotypeEdge("skip_connect", 1, 3)
    cells["normal"] = (*cells["normal"][:4], moved, *cells["normal"][5:])
    with pytest.raises(ValueError, match=r"2 edges into each of the nodes"):
        DARTS.validate(Genotype("darts", cells))


def test_nodes_out_of_order_are_rejected():
    cells = dict(DARTS.derive(_flat()).cells)
    cells["normal"] = cells["normal"][::-1]
    with pytest.raises(ValueError, match="in this order"):
        DARTS.validate(Genotype("darts", cells))


NARROW = {
    "normal": (
        GenotypeEdge("sep_conv_3x3", 0, 2),
        GenotypeEdge("sep_conv_3x3", 1, 2),
        GenotypeEdge("skip_connect", 2, 4),
    ),
    "reduce": (GenotypeEdge("max_pool_3x3", 0, 3),),
}


def test_a_node_may_have_no_edge_and_leaves_the_output():
    genotype = Genotype("darts", NARROW)
    genotype.validate()
    values = genotype.to_dict()
    assert values["normal"][2] == ["skip_connect", 2, 4]
    assert values["normal_concat"] == [2, 4]
    assert values["reduce_concat"] == [3]
    assert Genotype.from_string(str(genotype)) == genotype
    assert Genotype.from_json(genotype.to_json()) == genotype


def test_an_edge_from_a_node_without_one_is_rejected():
    dangling = (GenotypeEdge("skip_connect", 3, 4),)
    genotype = Genotype("darts", {**NARROW, "normal": dangling})
    with pytest.raises(ValueError, match="source 3, which no edge leads to"):
        genotype.validate()


def test_a_cell_without_any_edge_is_rejected():
    genotype = Genotype("darts", {**NARROW, "normal": ()})
    with pytest.raises(ValueError, match="one at least"):
        genotype.validate()


def test_a_concat_of_other_nodes_than_those_with_edges_is_rejected():
    values = Genotype("darts", NARROW).to_dict()
    values["normal_concat"] = [2, 3, 4, 5]
    with pytest.raises(ValueError, match=r"have an edge, here \[2, 4\]"):
        Genotype.from_dict(values)


def test_the_order_of_a_nodes_edges_does_not_make_another_genotype():
    normal = NARROW["normal"]
    swapped = (normal[1], normal[0], normal[2])
    one = Genotype("darts", NARROW)
    other = Genotype("darts", {**NARROW, "normal": swapped})
    assert one == other
    assert hash(one) == hash(other)
    assert other.cells["normal"] == swapped
    moved = (*normal[:2], GenotypeEdge("skip_connect", 2, 5))
    assert one != Genotype("darts", {**NARROW, "normal": moved})
