"""Names of files as texts that can be shown."""

from __future__ import annotations


def printable(text: str) -> str:
    """Returns a text that can be written in any place.

    A name of a file need not be text: bytes that are none are held as lone
    surrogates, which no encoding takes. Here they become \\udc.., to be read
    by people.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
