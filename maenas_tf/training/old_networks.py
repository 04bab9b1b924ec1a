"""Networks in .keras files of earlier versions.

Until 0.1.0 a skeleton was a class of its own, and its name and attributes are
in the files: `layers/darts_trunk/cells/network_cell_3`. Now one trunk has all
layers in the order of its plan: `layers/trunk/placed/network_cell_3`.
"""

from __future__ import annotations

import contextlib
import io
import pathlib
import tempfile
import zipfile
from collections.abc import Iterator

import h5py

WEIGHTS = "model.weights.h5"
_OLD_TRUNKS = ("layers/darts_trunk", "layers/nas_bench201_trunk")
_PLACED = "layers/trunk/placed"


@contextlib.contextmanager
def in_todays_form(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a file that Keras loads; the file itself if it is no old one.

    Args:
        path: of a .keras file.

    Raises:
        zipfile.BadZipFile, KeyError, OSError: it is none.
    """
    with zipfile.ZipFile(path) as archive:
        weights = _renamed(archive.read(WEIGHTS))
        if weights is None:
            yield path
            return
        with tempfile.TemporaryDirectory() as directory:
            renewed = pathlib.Path(directory, path.name)
            with zipfile.ZipFile(renewed, "w") as target:
                for name in archive.namelist():
                    content = weights if name == WEIGHTS else archive.read(name)
                    target.writestr(name, content)
            yield renewed


def _renamed(content: bytes) -> bytes | None:
    """Returns an HDF5 file with today's names, None if it has them."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        old = next((name for name in _OLD_TRUNKS if name in file), None)
        if old is None:
            return None
        for source, target in _moves(file[old]):
            file.move(f"{old}/{source}", f"{_PLACED}/{target}")
    return buffer.getvalue()


def _moves(trunk: h5py.Group) -> Iterator[tuple[str, str]]:
    """Yields old and new name of every layer of an old trunk."""
    if "second" in trunk["stem"]:
        yield "stem/second", "stem_1"
    yield ("stem/first" if "first" in trunk["stem"] else "stem"), "stem"
    for name in in_order(trunk.get("reductions", ())):
        yield f"reductions/{name}", name
    cells = [f"cells/{name}" for name in in_order(trunk.get("cells", ()))]
    for stage in in_order(trunk.get("stages", ())):
        names = in_order(trunk["stages"][stage])
        cells += [f"stages/{stage}/{name}" for name in names]
    for number, name in enumerate(cells):
        yield name, "network_cell" + (f"_{number}" if number else "")


def in_order(names) -> list[str]:
    """Sorts `name`, `name_1`, ... `name_10` by their numbers."""

    def number(name: str) -> int:
        last = name.rpartition("_")[2]
        return int(last) if last.isdigit() else 0

    return sorted(names, key=number)
