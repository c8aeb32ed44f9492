"""The API in the words of OpenAPI 3.1, for programs that read such descriptions."""

from typing import Any

from skfakereal._version import __version__
from skfakereal.web._uploads import LIMITS


def _text(description: str, *values: str) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": ["string", "null"], "description": description}
    return kind | ({"enum": [*values, None]} if values else {})


def _number(description: str, kind: str = "number") -> dict[str, Any]:
    return {"type": [kind, "null"], "description": description}


_ROW = {
    "name": {
        "type": "string",
        "description": "as it was sent; of a zip, with its name before",
    },
    "verdict": _text("the label, or unsure; null if the file could not be judged"),
    "label": _text("the class on whose side of the threshold the probability lies"),
    "probability": _number("of the positive class; with more than two, of the label"),
    "threshold": _number("from which probability on the label is the positive class"),
    "reasons": {
        "type": "array",
        "items": {"type": "string"},
        "description": "why the verdict is unsure",
    },
    "novelty": _number(
        "share of images like the training images that are less unusual; from 0.99 on, the "
        "image is unlike 99% of them and its probability means little"
    ),
    "provenance": _text(
        "what the file itself claims of its origin",
        "generated",
        "altered",
        "captured",
        "other",
    ),
    "provenance_detail": _text("what that claim rests on, and what it is worth"),
    "sha256": _text("digest of the file"),
    "bytes": _number("size of the file", "integer"),
    "width": _number("pixels", "integer"),
    "height": _number("pixels", "integer"),
    "error": _text("why the file could not be judged"),
    "thumbnail": _text(
        "with thumbnails=true: a small copy without metadata, as a data: address"
    ),
}


def describe_api() -> dict[str, Any]:
    """Return the description."""
    switches = {
        "stable": "whether mild changes of the image are tried, and a verdict can be unsure; "
        "takes 4 to 6 times as long (default: true)",
        "thumbnails": "whether rows have a small copy of the picture (default: false)",
    }
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "boolean"}, "description": what}
        for name, what in switches.items()
    ]
    files = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "maxItems": LIMITS["request_files"],
        "description": "images, and zip files of images",
    }
    body = {"type": "object", "required": ["files"], "properties": {"files": files}}
    row = {"type": "object", "properties": _ROW}
    rows = {"type": "object", "properties": {"rows": {"type": "array", "items": row}}}
    failure = {"description": 'what is wrong, as {"error": "..."}'}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "skfakereal",
            "version": __version__,
            "description": "Verdicts of one detector on images. Nothing that is sent is kept.",
        },
        "paths": {
            "/api/model": {
                "get": {
                    "summary": "what there is to know of the detector",
                    "responses": {
                        "200": {"description": "its facts, and the limits of requests"}
                    },
                }
            },
            "/api/predict": {
                "post": {
                    "summary": "judge images",
                    "description": "With Accept: application/x-ndjson, rows come one a line, as "
                    "soon as they are known.",
                    "parameters": parameters,
                    "requestBody": {
                        "required": True,
                        "content": {"multipart/form-data": {"schema": body}},
                    },
                    "responses": {
                        "200": {
                            "description": "a row for each image, in their order",
                            "content": {
                                "application/json": {"schema": rows},
                                "application/x-ndjson": {"schema": row},
                            },
                        },
                        **dict.fromkeys(
                            ("400", "401", "403", "413", "415", "421"), failure
                        ),
                    },
                }
            },
        },
    }
