"""Finding a genotype by whatever a user names it."""

from __future__ import annotations

import difflib
import os

from maenas_tf.config import user_path
from maenas_tf.config.file_names import GENOTYPE
from maenas_tf.spaces.genotype import Genotype
from maenas_tf.spaces.published import FORMER_NAMES, PUBLISHED


def load_genotype(source: str | os.PathLike[str] | Genotype) -> Genotype:
    """Finds a genotype, whatever form a user names it in.

    Args:
        source: a run directory, a genotype file, a published name such as
            "DARTS_V2", a text `Genotype.from_string` reads, or a genotype.

    Raises:
        ValueError: it is none of these, or not valid.
    """
    if isinstance(source, Genotype):
        source.validate()
        return source
    text = os.fspath(source).strip()
    name = FORMER_NAMES.get(text, text)
    if name in PUBLISHED:
        return PUBLISHED[name]
    if Genotype.is_text(text):
        return Genotype.from_string(text)
    if text:
        text = os.fspath(user_path(text))
    if os.path.isdir(text):
        path = os.path.join(text, GENOTYPE)
        if not os.path.isfile(path):
            raise ValueError(
                f"The directory {text!r} holds no {GENOTYPE}: give the "
                f"run_dir of a search that has finished an epoch."
            )
        return _read_file(path)
    if os.path.isfile(text):
        return _read_file(text)
    if Genotype.is_text(text, inside=True):
        return Genotype.from_string(text)
    names = {name.upper(): name for name in PUBLISHED}
    near = difflib.get_close_matches(text.upper(), names, n=3)
    known = " or ".join(names[name] for name in near)
    hint = f" Did you mean {known}?" if near else ""
    raise ValueError(
        f"{text[:80]!r} is no genotype: there is no such file or run "
        f"directory, the published names are {', '.join(PUBLISHED)}, and it "
        f"is not an architecture string.{hint}"
    )


def _read_file(path: str) -> Genotype:
    """Reads a genotype file; errors name it."""
    try:
        with open(path, encoding="utf-8") as file:
            return Genotype.from_string(file.read())
    except (OSError, ValueError) as error:
        raise ValueError(
            f"Cannot read the genotype in {path!r}: {error}"
        ) from error
