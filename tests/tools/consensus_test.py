"""`python -m tools.consensus`, from searches to a genotype.json."""

import json

import pytest

from maenas_tf.runs.run_reader import read_runs
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import load_genotype
from tests.runs import stored
from tests.searching.consensus_test import CONV, SKIP, search
from tests.tools import one_process


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Name of a case to exit code, stdout and stderr, and the folder."""
    folder = tmp_path_factory.mktemp("consensus")
    for name, favourite, strength in (
        ("a", SKIP, 0.4),
        ("b", CONV, 0.9),
    ):
        run = search(name, favourite, strength)
        stored.store(folder / "runs" / name, run)
    other = search("c", SKIP, 0.4, max_macs=10**9)
    stored.store(folder / "others" / "c", other)
    (folder / "begun").mkdir()
    (folder / "begun" / ".lock").touch()
    (folder / "file").touch()
    cases = {
        "good": [f"--runs={folder}/runs", f"--output_dir={folder}/out"],
        "unlike": [
            f"--runs={folder}/runs,{folder}/others",
            f"--output_dir={folder}/x",
        ],
        "none": [f"--runs={folder}/none", f"--output_dir={folder}/x"],
        "none done": [f"--runs={folder}/begun", f"--output_dir={folder}/x"],
        "no place": [f"--runs={folder}/runs", f"--output_dir={folder}/file/x"],
        "missing": [f"--runs={folder}/runs"],
    }
    found = one_process.run(
        "consensus", [("", flags) for flags in cases.values()]
    )
    return folder, dict(zip(cases, found, strict=True))


def test_consensus_is_written(results):
    folder, found = results
    code, out, error = found["good"]
    assert code == 0, error
    genotype = load_genotype(folder / "out")
    lines = out.splitlines()
    assert lines[2:4] == ["2 searches, 0 labels:", str(genotype)]
    assert str(genotype).count("nor_conv_3x3") == 6
    # All 3x3, by the benchmark's own table.
    assert lines[4] == "true accuracy, % (cifar10): 90.20"
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert round(summary["true_accuracy_cifar10"], 2) == 90.20
    _, problems = read_runs([f"{folder}/out"], SearchConfig.defaults())
    assert problems == {"out": "a consensus, no search"}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unlike", "c with max_macs=1000000000"),
        ("none", "--runs"),
        ("none done", "holds no finished search"),
        ("no place", "--output_dir"),
        ("missing", "--output_dir"),
    ],
)
def test_bad_input_ends_in_one_sentence(results, case, words):
    folder, found = results
    code, _, error = found[case]
    assert code == 2
    assert words in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
    assert not (folder / "x").exists()
