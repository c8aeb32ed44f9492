"""``skfakereal serve``: a page to drop images on."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import suppress

from skfakereal.cli._arguments import add_model, add_pos_label

SUMMARY = "a page in the browser to drop images on"
DESCRIPTION = """\
Open a page in the browser to drop images on: files, a folder, a zip, or what the
clipboard holds. It shows each image with its verdict ("fake", "real", or "unsure"
and why), its probability, and what the file itself says about its origin; a click
opens a page of the image that can be saved. Programs get the same as JSON from
/api/predict, which /api/openapi.json describes.

The page is served on this machine alone, uses no other server, and keeps nothing:
images are held only while they are classified. It needs: pip install
"skfakereal[web]".
"""

EPILOG = """\
examples:
  skfakereal serve detector/
  skfakereal serve detector/ --port 9000 --no-browser
  curl -F files=@suspect.jpg http://127.0.0.1:8765/api/predict

With another --host, other machines can reach it, by plain HTTP, which others on
the network can read. It then asks for a token, which the printed address
contains.

exit codes:
  0 ended by Ctrl+C    1 error    2 wrong usage
"""


def add_arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen (default: this machine alone)"
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=8765,
        metavar="N",
        help="(default: 8765; 0 for any that is free)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )
    add_pos_label(parser)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError(f"must be a number from 0 to 65535, got {text!r}")
    return int(text)


def run(arguments: Namespace) -> int:
    """Serve the page."""
    from skfakereal._judging.model import load_model
    from skfakereal.cli._output import say
    from skfakereal.cli._rows import tell_cautions

    try:
        import python_multipart  # noqa: F401

        from skfakereal._judging.judge import Judge
        from skfakereal.web import serve
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in (
            "starlette",
            "uvicorn",
            "python_multipart",
        ):
            raise
        raise ImportError(
            'The page needs the extra web: pip install "skfakereal[web]".'
        ) from error

    model = load_model(
        arguments.model, pos_label=arguments.pos_label, trust=arguments.trust
    )
    tell_cautions(model)
    judge = Judge(model, arguments.model)
    host, port = arguments.host, arguments.port
    with suppress(KeyboardInterrupt):
        serve(judge, host=host, port=port, browser=not arguments.no_browser, say=say)
    return 0
