"""A folder of what people have: one file of each kind that went wrong once.

python -m tests.tools.odd_files FOLDER
"""

from __future__ import annotations

import io
import os
import pathlib
import sys

import numpy as np
import pillow_heif
from PIL import Image

# In a folder whose name is not UTF-8, and in one that mathtext would read.
LATIN1 = os.fsdecode(b"caf\xe9")
DOLLARS = "from $5 to $9"

# Files that hold no image, of names that say they do; the second is cut in
# its middle, and one of them is there no more.
BROKEN = ("text.png", "cut.jpg", "empty.jpg", "gone.png")
# What is no image, and says so by its name or its first bytes.
OTHERS = ("notes.txt", "notes", "pipe", "table.csv")


def ramp(size: int, turned: bool = False) -> np.ndarray:
    """Returns a picture that is no two places alike, uint8 [H, W, 3]."""
    rows = np.linspace(0, 255, size).astype(np.uint8)
    red, green = np.broadcast_arrays(rows[:, np.newaxis], rows)
    pixels = np.stack([red, green, 255 - red // 2 - green // 2], axis=-1)
    return np.rot90(pixels) if turned else pixels


def _write_images(root: pathlib.Path) -> int:
    """Writes an image of each kind; returns how many these are."""
    plain, size = Image.fromarray(ramp(40)), (40, 40)
    grey = ramp(40)[..., 0]
    exif = Image.Exif()
    exif[0x0112] = 6
    icon = np.zeros((40, 40, 4), np.uint8)
    icon[10:30, 15:25, 3] = 255
    pictures = {
        "plain.png": (plain, {}),
        "phone.jpg": (plain.resize((60, 40)), {"exif": exif}),
        "web.jfif": (plain, {"format": "JPEG"}),
        "old.jpe": (plain, {"format": "JPEG"}),
        "new.avif": (plain, {}),
        "game.tga": (plain, {}),
        "film.jp2": (plain, {}),
        "animation.gif": (plain.quantize(8), {}),
        "site.webp": (plain, {}),
        "icon.png": (Image.fromarray(icon), {}),
        "grey.png": (Image.fromarray(grey), {}),
        "grey_alpha.png": (Image.merge("LA", [plain.convert("L")] * 2), {}),
        "deep.png": (Image.fromarray(grey.astype(np.uint16) * 257), {}),
        "counts.tif": (Image.fromarray(grey.astype(np.int32)), {}),
        "print.jpg": (plain.convert("CMYK"), {}),
        "fax.tif": (plain.convert("1"), {}),
        "wide.png": (plain.resize((90, 30)), {}),
        "no_suffix": (plain, {"format": "PNG"}),
        f"{LATIN1}/a.png": (plain.rotate(90), {}),
        f"{DOLLARS}/b.png": (plain.rotate(180), {}),
    }
    for name, (picture, options) in pictures.items():
        (root / name).parent.mkdir(exist_ok=True)
        picture.save(root / name, **options)
    heif = pillow_heif.from_pillow(Image.new("RGB", size, "teal"))
    heif.save(root / "phone.heic")
    return len(pictures) + 1


def _write_others(root: pathlib.Path) -> None:
    """Writes what is broken, what is no image and what a run has left."""
    file = io.BytesIO()
    Image.fromarray(ramp(40)).save(file, "JPEG", quality=95)
    (root / "cut.jpg").write_bytes(file.getvalue()[: len(file.getvalue()) // 2])
    (root / "text.png").write_text("This is no picture.")
    (root / "empty.jpg").touch()
    (root / "gone.png").symlink_to("nowhere")
    (root / "notes.txt").write_text("Taken in June.")
    (root / "notes").write_text("Taken in July.")
    (root / "table.csv").write_text("a,b\n")
    os.mkfifo(root / "pipe")
    (root / "round").symlink_to(".")
    (root / ".hidden.png").write_bytes(b"")
    (root / "Thumbs.db").write_bytes(b"")
    (root / "empty folder").mkdir()
    plots = root / "runs" / "first" / "plots"
    plots.mkdir(parents=True)
    Image.new("RGB", (40, 40)).save(plots / "alphas.png")
    for name in ("config.json", "flags.txt", "history.csv"):
        (plots.parent / name).write_text("{}")


def make(root: pathlib.Path) -> int:
    """Makes the folder; returns how many images it holds that can be read.

    A folder that may not be read is not among it: who runs the tests as root
    may read everything.
    """
    root.mkdir(parents=True)
    _write_others(root)
    return _write_images(root)


if __name__ == "__main__":
    print(f"{make(pathlib.Path(sys.argv[1]))} images")
