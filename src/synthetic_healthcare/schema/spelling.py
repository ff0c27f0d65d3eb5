"""Names that resemble a misspelt one, for error messages that say what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest(word: str, known: Iterable[str], *, at_most: int = 3) -> tuple[str, ...]:
    """Return the known names most like `word`, nearest first (letter case counts little)."""
    lowered = word.lower()

    def distance(name: str) -> tuple[float, str]:
        return (-SequenceMatcher(None, lowered, name.lower()).ratio(), name)

    return tuple(sorted(known, key=distance)[:at_most])


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Return a sentence that names an unknown word, the nearest known one and how many others there are."""
    names = tuple(known)
    if not names:
        return f"unknown {what} {word!r}: there are none"
    listed = ", ".join(repr(name) for name in nearest(word, names, at_most=8))
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"unknown {what} {word!r}: did you mean {nearest(word, names)[0]!r}? Known: {listed}{more}"
