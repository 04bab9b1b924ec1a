"""Tests of `maenas_tf.spaces.genotype` and the published genotypes."""

import json
import pickle
import re

import numpy as np
import pytest

from maenas_tf.spaces import (
    PUBLISHED,
    SPACES,
    Genotype,
    GenotypeEdge,
    load_genotype,
)

V2 = PUBLISHED["DARTS_V2"]
ARCH = (
    "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+"
    "|skip_connect~0|none~1|avg_pool_3x3~2|"
)
# As DARTS prints a genotype.
PRINTED_V1 = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], "
    "normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
    "('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])"
)


# As a space with blanks in its strings prints one.
PROXYLESS = str(
    SPACES.get("mobilenet").random_genotype(np.random.default_rng(0))
)


def _changed(**changes):
    return {**V2.to_dict(), **changes}


class TestPublished:
    def test_skip_connections_of_the_published_cells(self):
        v1 = PUBLISHED["DARTS_V1"]
        assert V2.count("skip_connect", "normal") == 2
        assert V2.count("skip_connect", "reduce") == 3
        assert v1.count("skip_connect", "normal") == 3
        assert v1.count("avg_pool_3x3") == 1

    def test_published_order_within_a_node_is_kept(self):
        edges = PUBLISHED["DARTS_V1"].cells["normal"][:2]
        assert [edge.source for edge in edges] == [1, 0]

    def test_published_genotypes_are_valid(self):
        for genotype in PUBLISHED.values():
            genotype.validate()


class TestGenotype:
    def test_json_has_the_promised_form(self):
        values = json.loads(V2.to_json())
        assert list(values) == [
            "space",
            "normal",
            "normal_concat",
            "reduce",
            "reduce_concat",
        ]
        assert values["space"] == "darts"
        assert values["normal"][-1] == ["dil_conv_3x3", 2]
        assert len(values["normal"]) == len(values["reduce"]) == 8
        assert values["normal_concat"] == [2, 3, 4, 5]

    def test_position_in_the_list_gives_the_node(self):
        nodes = [edge.node for edge in V2.cells["normal"]]
        assert nodes == [2, 2, 3, 3, 4, 4, 5, 5]

    def test_equal_genotypes_have_equal_hashes(self):
        twin = Genotype.from_json(V2.to_json())
        assert twin == V2
        assert hash(twin) == hash(V2)
        assert len({twin, V2, PUBLISHED["DARTS_V1"]}) == 2

    def test_genotype_cannot_be_changed(self):
        with pytest.raises(TypeError):
            V2.cells["normal"] = ()

    def test_pickle_round_trip(self):
        assert pickle.loads(pickle.dumps(V2)) == V2

    def test_count_adds_up_over_cells(self):
        assert V2.count("skip_connect") == 5
        assert V2.count("none") == 0
        with pytest.raises(ValueError, match="known are normal, reduce"):
            V2.count("skip_connect", "norml")

    def test_genotype_of_an_unknown_space_does_not_validate(self):
        edge = GenotypeEdge("skip_connect", 0, 1)
        with pytest.raises(ValueError, match="Unknown search space 'dart'"):
            Genotype("dart", {"normal": (edge,)}).validate()


PAIRS = V2.to_dict()["normal"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "field 'space'"),
        ({"normal": PAIRS}, "field 'space'"),
        ({"space": ["darts"]}, "field 'space'"),
        (_changed(space="dart"), "Did you mean 'darts'"),
        ({"space": "darts", "normal": PAIRS}, "missing: .*'reduce'"),
        (_changed(arch="x"), r"unexpected: \['arch'\]"),
        (_changed(normal_concat=[2, 3]), r"normal_concat=\[2, 3\]"),
        (_changed(reduce_concat=5), "reduce_concat=5"),
        (_changed(normal=PAIRS[:7]), "list of 8 pairs .* received 7"),
        (_changed(normal=None), "received None"),
        (_changed(normal=[*PAIRS[:7], ["none"]]), "Entry 7 of the 'normal'"),
        (_changed(normal=[["skip_connect", "0"], *PAIRS[1:]]), "Entry 0"),
        (_changed(normal=[["skip_connect", True], *PAIRS[1:]]), "Entry 0"),
        (_changed(normal=[["skip_connect", 2], *PAIRS[1:]]), "source 2"),
        (_changed(normal=[["skip", 0], *PAIRS[1:]]), "primitive 'skip'"),
        (_changed(normal=[PAIRS[1], *PAIRS[1:]]), "source 1 twice"),
        (_changed(space="s2"), "'s2' genotype.* primitive|primitive.*'s2'"),
        ({"space": "nasbench201"}, r"missing: \['arch'\]"),
        ({"space": "nasbench201", "arch": 7}, "arch=7"),
    ],
)
def test_invalid_genotype_is_explained(values, message):
    with pytest.raises(ValueError, match=message):
        Genotype.from_json(json.dumps(values))


def test_malformed_json_is_explained():
    with pytest.raises(ValueError, match="not valid JSON .*line 1"):
        Genotype.from_json('{"space": "darts",')


class TestFromString:
    def test_printed_form_of_darts_is_read(self):
        assert Genotype.from_string(PRINTED_V1) == PUBLISHED["DARTS_V1"]

    @pytest.mark.parametrize(
        "text",
        [
            "Genotype(normal=",
            "Genotype([1, 2])",
            "Genotype(normal=open('x'))",
            "Genotype(normal=range(2.0))",
            "Genotype(normal=list(3))",
        ],
    )
    def test_anything_but_literals_is_refused(self, text):
        with pytest.raises(ValueError, match="Cannot read"):
            Genotype.from_string(text)

    def test_huge_range_is_not_unrolled(self):
        text = PRINTED_V1.replace("range(2, 6)", "range(10**9)")
        with pytest.raises(ValueError, match="Cannot read"):
            Genotype.from_string(text)
        text = PRINTED_V1.replace("range(2, 6)", "range(1000000000000)")
        with pytest.raises(ValueError, match="normal_concat"):
            Genotype.from_string(text)

    @pytest.mark.parametrize(
        "around",
        [
            "V1 = {}",
            "V1 = {}\n",
            "05/07 02:31:12 PM genotype = {}",
            "epoch 7: {}, accuracy 97.1",
            "genotypes.{}",
            "from genotypes import Genotype\n\nV1 = {}\nBEST = V1\n",
            '"{}"',
            "{}",
        ],
    )
    @pytest.mark.parametrize(
        "form",
        [
            PRINTED_V1,
            PRINTED_V1.replace(", ", ",\n    "),
            json.dumps(PUBLISHED["DARTS_V1"].to_dict()),
            str(PUBLISHED["DARTS_V1"].to_dict()),
        ],
    )
    def test_what_is_around_a_pasted_genotype_is_left_out(self, around, form):
        text = around.replace("{}", form)
        assert Genotype.from_string(text) == PUBLISHED["DARTS_V1"]
        assert load_genotype(text) == PUBLISHED["DARTS_V1"]

    @pytest.mark.parametrize(
        "around", ["arch: {}", "a = '{}'", "Structure(4 nodes with {})"]
    )
    @pytest.mark.parametrize("form", [ARCH, "22212220", PROXYLESS])
    def test_what_is_around_an_architecture_string_is_left_out(
        self, around, form
    ):
        text = around.replace("{}", form)
        assert load_genotype(text) == Genotype.from_string(form)

    def test_a_string_in_the_middle_of_a_line_is_found(self):
        text = f"2024-01-01 12:00 arch={ARCH} accuracy=91.2"
        assert str(Genotype.from_string(text)) == ARCH

    def test_several_genotypes_are_refused_and_the_same_twice_is_one(self):
        log = f"epoch 1: {PRINTED_V1}\nepoch 2: {PRINTED_V1}\n"
        assert Genotype.from_string(log) == PUBLISHED["DARTS_V1"]
        log += f"epoch 3: {V2}\n"
        with pytest.raises(ValueError, match="2 different genotypes here"):
            Genotype.from_string(log)
        with pytest.raises(ValueError, match="give the one that is meant"):
            load_genotype(log)

    def test_other_text_lists_the_forms(self):
        with pytest.raises(ValueError, match="expected JSON, a NAS-Bench"):
            Genotype.from_string("resnet")


class TestLoadGenotype:
    def test_run_directory(self, tmp_path):
        (tmp_path / "genotype.json").write_text(V2.to_json())
        assert load_genotype(tmp_path) == V2
        assert load_genotype(f"{tmp_path}/") == V2

    def test_file(self, tmp_path):
        path = tmp_path / "mine.json"
        path.write_text(Genotype.from_string(ARCH).to_json())
        assert str(load_genotype(str(path))) == ARCH

    def test_published_name(self):
        assert load_genotype("DARTS_V1") == PUBLISHED["DARTS_V1"]

    @pytest.mark.parametrize(
        ("former", "name"),
        [
            ("P_DARTS", "PDARTS"),
            ("PC_DARTS_CIFAR", "PC_DARTS_cifar"),
            ("PC_DARTS_IMAGENET", "PC_DARTS_image"),
        ],
    )
    def test_public_names_and_what_they_were_called_before(self, former, name):
        assert load_genotype(name) == load_genotype(former) == PUBLISHED[name]
        with pytest.raises(ValueError, match=f"Did you mean .*{name}"):
            load_genotype(name.lower())

    def test_text(self):
        assert str(load_genotype(ARCH)) == ARCH
        assert load_genotype(str(V2)) == V2
        assert load_genotype(PRINTED_V1) == PUBLISHED["DARTS_V1"]

    def test_genotype_passes_through(self):
        assert load_genotype(V2) is V2

    def test_invalid_genotype_does_not_pass(self):
        with pytest.raises(ValueError, match="has the cells"):
            load_genotype(Genotype("darts", {}))

    @pytest.mark.parametrize("name", ["DARTS_V3", "darts_v2", "DARTSV2"])
    def test_unknown_name_suggests_near_ones(self, name):
        with pytest.raises(ValueError, match="Did you mean .*DARTS_V"):
            load_genotype(name)

    @pytest.mark.parametrize("name", ["", "runs/nowhere", "x" * 10_000])
    def test_unknown_name_lists_the_published_ones(self, name):
        with pytest.raises(ValueError, match="DARTS_V1, DARTS_V2"):
            load_genotype(name)

    def test_directory_without_a_genotype_is_explained(self, tmp_path):
        with pytest.raises(ValueError, match="holds no genotype.json"):
            load_genotype(tmp_path)

    @pytest.mark.parametrize("content", [b'{"space": ', b"\xff\xfe", b""])
    def test_broken_file_is_named(self, tmp_path, content):
        path = tmp_path / "genotype.json"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=re.escape(str(path))):
            load_genotype(tmp_path)
