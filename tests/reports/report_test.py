"""Tests of `maenas_tf.reports.report` and the modules behind it."""

import base64
import csv
import dataclasses
import html.parser
import io

import numpy as np
import pytest
from PIL import Image

from maenas_tf.figures import charts
from maenas_tf.reports import tables
from maenas_tf.reports.report import Report
from tests.runs import records

# Elements that have no end.
VOID = {"meta", "img", "br", "hr"}


class Page(html.parser.HTMLParser):
    """Collects what a page shows, and checks that elements are closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.images = [], [], []
        self.texts, self.summaries = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes another element")

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1] == "summary":
            self.summaries.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a report about a small grid, and the page in it."""
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    report = Report(records.grid(), {"torn": "its alphas.npz <cannot> be read"})
    path = report.write(folder)
    return folder, Page(path.read_text()), path.read_text()


def test_the_page_needs_no_network_and_no_script(written):
    _, page, text = written
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "base"}
    for tag, attributes in page.tags:
        assert not attributes.keys() & {"href", "srcset", "onload"}, tag
    assert "http" not in text.replace("data:", "")
    assert "url(" not in text
    assert "@import" not in text


def test_all_images_are_inside_and_can_be_read(written):
    _, page, _ = written
    assert len(page.images) > 20
    for image in page.images:
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/png;base64"
        assert image["alt"]
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            picture.load()


def test_every_run_is_there_with_genotype_cell_alphas_and_reconstructions(
    written,
):
    _, page, _ = written
    alternatives = [image["alt"] for image in page.images]
    text = "".join(page.texts)
    for record in records.grid():
        assert page.summaries.count(record.name) == 1
        assert str(record.genotype) in text
        for what in ("cell", "alphas", "reconstructions.png"):
            assert f"{record.name}: {what}" in alternatives


def test_what_a_search_warns_of_is_told(written, tmp_path):
    _, _, before = written
    record, *others = records.grid()
    summary = {**record.summary, "warning": "Too few images."}
    record = dataclasses.replace(record, summary=summary)
    text = Report([record, *others], {}).write(tmp_path).read_text()
    assert text.count("Too few images.") == 1
    assert "Too few images." not in before


def test_groups_comparisons_cost_and_problems_are_told(written):
    _, page, _ = written
    text = "".join(page.texts)
    assert "7 finished runs in 3 group(s)" in text
    assert "paired t over 3 seeds" in text
    assert "nothing can be said" in text
    assert "torn" in text
    assert "its alphas.npz <cannot> be read" in text
    assert "labels read" in text
    assert "exclude 0 by chance alone" in text


def test_the_tables_hold_every_run_and_group_in_full(written):
    folder, _, _ = written
    with open(folder / "runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["run"] for row in rows} == {r.name for r in records.grid()}
    with open(folder / "groups.csv", newline="") as file:
        groups = list(csv.DictReader(file))
    by_hand = [
        float(row["seconds"])
        for row in rows
        if row["mask_ratio"] == "0.25" and row["task"] == "mae"
    ]
    (found,) = (
        row
        for row in groups
        if row["group"] == "task=mae, mask_ratio=0.25"
        and row["measure"] == "seconds"
    )
    assert found["n"] == "3"
    assert float(found["mean"]) == np.mean(by_hand)
    assert float(found["sample_deviation"]) == np.std(by_hand, ddof=1)
    markdown = (folder / "tables.md").read_text()
    assert all(record.name in markdown for record in records.grid())
    assert (folder / "comparisons.csv").read_text().count("\n") > 3


def test_the_charts_are_files_too(written):
    folder, _, _ = written
    names = {path.name for path in (folder / "plots").iterdir()}
    assert {
        "skips_cell.png",
        "entropy_cell.png",
        "epochs_entropy_cell.png",
        "epochs_alpha_loss.png",
        "epochs_skips_cell.png",
    } <= names
    # No run read an eigenvalue.
    assert not any("hessian" in name for name in names)


def test_eigenvalues_over_the_epochs_are_drawn_where_there_are_some(tmp_path):
    history = records.rows(hessian_eigenvalue=["0.9", "", "0.4"])
    runs = [records.record("with", history=history), records.record("without")]
    path = Report(runs).write(tmp_path)
    assert (tmp_path / "plots" / "epochs_hessian_eigenvalue.png").exists()
    assert "dominant Hessian eigenvalue, last" in path.read_text()


def test_runs_of_several_spaces_share_a_report(tmp_path):
    runs = [records.record("cells"), records.record("two", space="darts")]
    page = Page(Report(runs).write(tmp_path).read_text())
    alternatives = [image["alt"] for image in page.images]
    assert "two: normal" in alternatives
    assert "two: reduce" in alternatives


def test_the_report_of_one_search_shows_all_of_it_without_a_click(tmp_path):
    run = records.record("mine")
    network = {"parameters": 345_678, "macs": 12_345_678}
    run.summary["evaluation_network"] = network
    page = Page(Report([run]).write(tmp_path).read_text())
    text = "".join(page.texts)
    assert ("details", {"open": None}) in page.tags
    shown = [image["alt"] for image in page.images]
    for what in ("cell", "reconstructions.png", "alphas"):
        assert f"mine: {what}" in shown
    # The cell comes first, and what it costs beside what finding it did.
    assert shown[0] == "mine: cell"
    assert str(run.genotype) in text
    for figure in ("parameters of the network found", "labels read"):
        assert text.index(figure) < text.index("Charts")
    assert text.index("How the candidates") < text.index("Charts")
    assert "skips_cell" not in shown
    assert "epochs_skips_cell" in shown
    for nothing in ("Groups", "Comparisons", "with and without labels"):
        assert nothing not in text


def test_a_cell_that_several_runs_found_is_shown_once(tmp_path):
    same = [records.record(name, arch_seed=1) for name in ("a", "b")]
    other = records.record("c", arch_seed=2)
    page = Page(Report([*same, other]).write(tmp_path).read_text())
    text = "".join(page.texts)
    assert "Found by a, b:" in text
    assert "Found by c:" in text


def test_given_groups_pool_what_else_varies_and_say_so(tmp_path):
    report = Report(records.grid(), group_by=["task"])
    assert [g.name for g in report.groups] == ["task=mae", "task=supervised"]
    text = report.write(tmp_path).read_text()
    assert "Within the groups these settings vary too: mask_ratio" in text


@pytest.mark.parametrize("name", ["maskratio", "seed"])
def test_an_unknown_setting_to_group_by_is_refused(name):
    with pytest.raises(ValueError, match=f"'{name}' is no setting to group"):
        Report(records.grid(), group_by=[name])


def test_markdown_escapes_the_bars_of_architecture_strings():
    table = tables.Table(["a", "b"], [["|x|+|y|", "1"]])
    assert table.to_markdown().splitlines() == [
        "| a | b |",
        "| --- | ---: |",
        r"| \|x\|+\|y\| | 1 |",
    ]
    assert "&lt;b&gt;" in tables.Table(["<b>"], []).to_html()


def test_the_mean_curve_is_that_of_epochs_that_all_runs_have():
    found = charts.mean_curve([np.array([1.0, 2.0, 9.0]), np.array([3.0, 4.0])])
    assert found.tolist() == [2.0, 3.0]


@pytest.mark.parametrize("count", [1, 8, 40])
def test_charts_hold_any_number_of_groups(count):
    names = [
        f"mask_ratio={i}, decoder=a_very_long_name_{i}" for i in range(count)
    ]
    assert len(set(charts.colors(names).values())) == count
    points = charts.draw_points({n: [1.0, 2.0] for n in names}, "figure")
    curves = charts.draw_curves({n: [np.arange(3.0)] for n in names}, "figure")
    scatter = charts.draw_scatter({n: [(1.0, 2.0)] for n in names}, "x", "y")
    for picture in (points, curves, scatter):
        assert picture.dtype == np.uint8
        assert picture.std() > 1


def test_charts_of_nothing_are_refused():
    with pytest.raises(ValueError, match="no run"):
        charts.draw_points({"a": []}, "figure")
    with pytest.raises(ValueError, match="no value"):
        charts.draw_curves({"a": [np.array([np.nan])]}, "figure")
    with pytest.raises(ValueError, match="no run"):
        charts.draw_scatter({"a": []}, "x", "y")


def test_runs_of_any_name_are_reported(tmp_path):
    names = ("$\\foo$", "caf\udce9")
    runs = [
        records.record(name, seed=seed, data_dir=name)
        for seed, name in enumerate(names)
    ]
    Report(runs, {"\udcff": "broken"}).write(tmp_path / "\udcfe")
    page = (tmp_path / "\udcfe" / "report.html").read_text(encoding="utf-8")
    assert r"caf\udce9" in page
    assert "$\\foo$" in page
    written = (tmp_path / "\udcfe" / "runs.csv").read_bytes()
    assert b"caf\xe9" in written
