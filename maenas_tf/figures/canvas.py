"""What all pictures share: colours, rendering to pixels, PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from maenas_tf.config.printable import printable
from maenas_tf.spaces import CellType, Edge

DOTS_PER_INCH = 100

# Okabe and Ito's palette (safe for colour-blind readers) and two more.
_COLORS = {
    "none": "#999999",
    "skip_connect": "#E69F00",
    "max_pool_3x3": "#56B4E9",
    "avg_pool_3x3": "#009E73",
    "sep_conv_3x3": "#0072B2",
    "sep_conv_5x5": "#CC79A7",
    "dil_conv_3x3": "#D55E00",
    "dil_conv_5x5": "#7A4B94",
    "nor_conv_1x1": "#CC79A7",
    "nor_conv_3x3": "#0072B2",
    "noise": "#333333",
    "mb1_k3": "#333333",
    "mb3_k3": "#56B4E9",
    "mb6_k3": "#0072B2",
    "mb3_k5": "#009E73",
    "mb6_k5": "#7A4B94",
    "mb3_k7": "#CC79A7",
    "mb6_k7": "#D55E00",
}
_OTHER_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A4B94")

# Okabe and Ito's, and two more, for lines that stand side by side.
COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7A4B94",
    "#333333",
)


def primitive_color(primitive: str) -> str:
    """Returns the colour of a primitive, the same one in every picture."""
    if primitive in _COLORS:
        return _COLORS[primitive]
    return _OTHER_COLORS[sum(map(ord, primitive)) % len(_OTHER_COLORS)]


def new_figure(width: float, height: float) -> Figure:
    """Returns a white figure of a size in inches, outside pyplot's state."""
    figure = Figure(
        figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white"
    )
    FigureCanvasAgg(figure)
    return figure


def plain(text: str) -> str:
    """Returns a text that is drawn as it is: a "$" begins no formula."""
    return printable(text).replace("$", r"\$")


def title(figure: Figure, text: str) -> None:
    """Writes a bold title into the upper left corner."""
    width, height = figure.get_size_inches()
    figure.text(
        0.15 / width, 1 - 0.2 / height, plain(text), weight="bold", va="center"
    )


def render(figure: Figure) -> np.ndarray:
    """Returns the pixels of a figure, uint8 [H, W, 3]."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def stack_images(images: Sequence[np.ndarray]) -> np.ndarray:
    """Puts images, uint8 [H, W, 3], one below the other, on white."""
    width = max(image.shape[1] for image in images)
    padded = [
        np.pad(
            image,
            ((0, 0), (0, width - image.shape[1]), (0, 0)),
            constant_values=255,
        )
        for image in images
    ]
    return np.concatenate(padded)


def png_bytes(image: np.ndarray) -> bytes:
    """Returns an image as the content of a PNG file.

    Args:
        image: uint8 [H, W, 3].

    Raises:
        ValueError: `image` is not uint8 [H, W, 3].
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            f"`image` must be uint8 of shape [H, W, 3], received "
            f"{image.dtype} of shape {list(image.shape)}; convert it first."
        )
    content = io.BytesIO()
    Image.fromarray(image).save(content, format="PNG")
    return content.getvalue()


def primitives_of(edges: Sequence[Edge]) -> tuple[str, ...]:
    """Returns the primitives found on any edge, in order of appearance."""
    return tuple(
        dict.fromkeys(name for edge in edges for name in edge.primitives)
    )


def edge_label(edge: Edge) -> str:
    """Returns the name of an edge for axes and titles."""
    return f"{edge.source} → {edge.node}"


def check_weights(
    name: str, weights: np.ndarray, cell_type: CellType, rank: int
) -> np.ndarray:
    """Returns the weights as floats, with 0 for what is not a number.

    Raises:
        ValueError: the shape does not fit the cell type.
    """
    weights = np.nan_to_num(np.asarray(weights, dtype=np.float64))
    expected = (cell_type.num_edges, cell_type.max_primitives)
    if weights.ndim != rank or weights.shape[-2:] != expected:
        raise ValueError(
            f"`{name}` must have {rank} axes that end with "
            f"{list(expected)} (edges, primitives of {cell_type.name!r}), "
            f"received the shape {list(weights.shape)}."
        )
    return weights
