"""The YAML before a card is what a YAML reader takes it for."""

from typing import Any

import yaml

from skfakereal.cards._blocks import front_matter

VALUES: list[Any] = [
    *("plain", "yes", "null", "1e5", "0.5", "a: b # c", "- item", "---", ""),
    *('quote " and \\ backslash', "line\nbreak\ttab\x00\x7f\x85\u2028end"),
    *("ünïcödé 图片 😀", 0.934, 12, True, None),
]


def read(text: str) -> Any:
    first, body, last = text.split("---\n", 1)[0], text[4:-3], text[-3:]
    assert (first, last) == ("", "---")
    return yaml.safe_load(body)


def test_scalars_lists_and_mappings_come_back() -> None:
    task = {"task": {"type": "t", "name": "v"}, "metrics": [{"value": 0.5}]}
    metadata: dict[str, Any] = {f"key{i}": value for i, value in enumerate(VALUES)}
    metadata |= {"tags": VALUES, "model-index": [{"name": "x", "results": [task]}, task]}
    assert read(front_matter(metadata)) == metadata


def test_half_a_character_becomes_a_mark() -> None:
    assert read(front_matter({"key": "caf\udce9"})) == {"key": "caf?"}
