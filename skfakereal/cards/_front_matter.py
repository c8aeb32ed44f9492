"""Metadata -> the YAML before a card, by which a hub finds and sorts models.

Every scalar is written as JSON, which YAML 1.2 contains, so nothing in a name can be taken
for YAML's own signs, and no YAML library is needed to write.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def front_matter(metadata: Mapping[str, Any]) -> str:
    """Return metadata between two lines of dashes."""
    return "\n".join(["---", *_mapping(metadata, ""), "---"])


def _mapping(values: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{key}:", *_mapping(value, f"{indent}  ")]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            lines += [f"{indent}{key}:", *_items(value, f"{indent}  ")]
        else:
            lines.append(f"{indent}{key}: {_scalar(value)}")
    return lines


def _items(values: Sequence[Any], indent: str) -> list[str]:
    lines = []
    for value in values:
        if isinstance(value, Mapping):
            first, *rest = _mapping(value, f"{indent}  ")
            lines += [f"{indent}- {first.lstrip()}", *rest]
        else:
            lines.append(f"{indent}- {_scalar(value)}")
    return lines


def _scalar(value: str | float | bool | None) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    # JSON would write what lies beyond 16 bits as two halves, which YAML does not join,
    # and half a character, as a damaged file name has, can stand in no file.
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return '"' + "".join(_character(one) for one in whole) + '"'


def _character(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    return one if one.isprintable() else f"\\U{ord(one):08x}"
