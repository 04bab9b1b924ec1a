"""The notebook of the first tutorial runs, from a fresh kernel to its end."""

import os
import pathlib
import re

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIALS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "tutorials"
NOTEBOOK = TUTORIALS / "own_photographs.ipynb"


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def printed(stored, tmp_path_factory):
    """What the cells printed, and how many pictures they showed."""
    copy = nbformat.from_dict(stored)
    temporary = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        patch.setenv("IPYTHONDIR", str(temporary))
        client = NotebookClient(
            copy,
            timeout=300,
            kernel_name="python3",
            resources={"metadata": {"path": os.fspath(TUTORIALS)}},
        )
        client.execute()
    outputs = [
        output
        for cell in copy.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    text = "".join(output.get("text", "") for output in outputs)
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    return text, pictures


def test_no_outputs_are_stored(stored):
    nbformat.validate(stored)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs for cell in code)
    assert all(cell.execution_count is None for cell in code)


def test_it_searches_without_labels_and_trains_what_it_found(printed):
    text, pictures = printed
    assert "96 photographs" in text
    assert "0 labels were read" in text
    assert re.search(r"^\|.*~0\|\+\|", text, re.MULTILINE)
    accuracy = float(re.search(r"validation accuracy ([\d.]+)", text).group(1))
    # A temple and a flower: half is a guess.
    assert accuracy > 0.5
    assert pictures == 2
