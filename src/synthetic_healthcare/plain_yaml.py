"""YAML as people write it: plain data only, `1e-6` is a number, and a key stands once."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, Final, final

import yaml

#: Resolver of numbers such as 1e-6, for loaders, and for dumpers, which have to quote text that looks so.
#: YAML 1.1 asks for a dot and a signed exponent ("1.0e-6"); YAML 1.2 (core schema, 10.3.2) and people do not.
EXPONENTS: Final[tuple[str, re.Pattern[str], list[str]]] = (
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


@final
class PlainLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice (plain YAML keeps the last in silence)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep=deep)


PlainLoader.add_implicit_resolver(*EXPONENTS)


def load_plain(text: str) -> Any:
    """Read YAML text as plain data.

    Raises
    ------
    yaml.YAMLError
        It is not YAML, or a key stands twice; `problem` and `problem_mark` say what and where.
    """
    # PlainLoader is a SafeLoader: it builds plain data only.
    return yaml.load(text, Loader=PlainLoader)
