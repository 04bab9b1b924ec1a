"""How the flags of a tool are read, and what is said of wrong ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from absl import flags

from flags.flag_order import check_order

BAD_INPUT = 2


def parse(argv: Sequence[str]) -> list[str]:
    """Reads the flags, as absl wants it; wrong ones end the process."""
    try:
        rest = flags.FLAGS(argv)
        check_order(argv[1:])
    except UnicodeError as error:
        _end(f"--flagfile holds no UTF-8 text ({error}); save it as such.")
    except RecursionError:  # So absl looks for a known name that is near.
        longest = max(argv[1:], key=len)
        _end(f"{longest[:40]}... is no flag; give flags, as --name=value.")
    except (flags.Error, OSError, ValueError) as error:
        _end(str(error))
    if len(rest) > 1:
        _end(f"Unexpected argument {rest[1]!r}; give flags, as --name=value.")
    return rest


def _end(message: str) -> NoReturn:
    print(" ".join(message.splitlines()), file=sys.stderr)
    sys.exit(BAD_INPUT)
