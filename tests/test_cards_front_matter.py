"""The YAML before a card is what a YAML reader takes it for."""

from typing import Any

import pytest
import yaml

from skfakereal.cards._blocks import front_matter

VALUES: list[Any] = [
    "plain",
    "yes",
    "null",
    "1e5",
    "0.5",
    "a: b # c",
    "- item",
    "---",
    'quote " and \\ backslash',
    "line\nbreak\ttab\x00\x7f\x85\u2028end",
    "ünïcödé 图片 😀",
    "",
    0.934,
    12,
    True,
    None,
]


def read(text: str) -> Any:
    first, body, last = text.split("---\n", 1)[0], text[4:-3], text[-3:]
    assert (first, last) == ("", "---")
    return yaml.safe_load(body)


@pytest.mark.parametrize("value", VALUES)
def test_scalars_come_back(value: Any) -> None:
    assert read(front_matter({"key": value, "list": [value, "end"]})) == {
        "key": value,
        "list": [value, "end"],
    }


def test_nested_lists_and_mappings_come_back() -> None:
    metadata = {
        "tags": ["a", "b"],
        "model-index": [
            {
                "name": "x",
                "results": [{"task": {"type": "t"}, "metrics": [{"value": 0.5}]}],
            },
            {"name": "y", "results": [{"task": {"type": "u", "name": "v"}}]},
        ],
    }
    assert read(front_matter(metadata)) == metadata


def test_half_a_character_becomes_a_mark() -> None:
    assert read(front_matter({"key": "caf\udce9"})) == {"key": "caf?"}
