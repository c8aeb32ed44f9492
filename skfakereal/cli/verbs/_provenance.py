"""``skfakereal provenance``: what does the file itself say of its picture?"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skfakereal._shown import printable
from skfakereal._wording import counted
from skfakereal.cli._arguments import add_images, add_null
from skfakereal.cli._output import complain, wants_progress, watched

if TYPE_CHECKING:
    from skfakereal.provenance import Provenance

SUMMARY = "show what files themselves say about their origin"
DESCRIPTION = """\
Read what image files themselves say about the origin of their pictures: IPTC's
digital source type in XMP, the settings that Stable Diffusion tools leave in PNG,
EXIF and comments, the software that EXIF names, and C2PA manifests (content
credentials). It uses no detector, and does not look at the picture.

C2PA manifests are verified where c2pa-python is installed
(pip install "skfakereal[c2pa]"), in a process of its own. Nothing is fetched.
"""

EPILOG = """\
examples:
  skfakereal provenance suspect.jpg
  skfakereal provenance inbox/ --format csv --out origins.csv
  skfakereal provenance inbox/ --format json | jq '.[] | .provenance'
  skfakereal provenance suspect.jpg --trust-list own.pem

what a file can claim (the column provenance):
  generated  made by AI                     altered  made or changed by AI in part
  captured   recorded from life             other    made in another way
and what stands behind a statement:
  unsigned        anyone can have written it
  trusted         signed by a signer of the trust list, and the image is unchanged
  unknown signer  signed by somebody else, and the image is unchanged
  invalid         the signature or the image does not match
  not checked     signed, but c2pa-python is not installed, or cannot check it

A file that says nothing proves nothing. The trust list has a date, which is shown
below the table; the environment variable SKFAKEREAL_C2PA_TRUST can name another.

exit codes:
  0 all files were read    3 some could not be read    1 error    2 wrong usage
"""


def add_arguments(parser: ArgumentParser) -> None:
    add_images(parser)
    add_null(parser)
    parser.add_argument(
        "--format",
        choices=("table", "csv", "json"),
        help="default: by the ending of --out; table if there is none",
    )
    parser.add_argument("--out", metavar="FILE", help="write the result to a file")
    parser.add_argument(
        "--force", action="store_true", help="replace the --out file if it exists"
    )
    parser.add_argument(
        "--trust-list",
        metavar="FILE",
        help="certificates (PEM) of the signers of C2PA manifests that are trusted, in place "
        "of C2PA's own list",
    )


def run(arguments: Namespace) -> int:
    """Read the files."""
    from skfakereal.cli._images import find_images
    from skfakereal.cli._rows import check_output, csv_lines, json_lines, write_text
    from skfakereal.provenance import limits, read_provenance, read_trust_list

    out, trust_list = arguments.out, arguments.trust_list
    read_trust_list(trust_list)  # an error now, not a remark on every file
    paths = find_images(arguments.images, null=arguments.null)
    check_output(out, [*paths, *([trust_list] if trust_list else [])])
    n_unread = 0

    def read() -> Iterator["Provenance"]:
        nonlocal n_unread
        for path in watched(
            paths,
            total=len(paths),
            label="provenance",
            progress=out is not None and wants_progress(arguments.progress),
        ):
            found = read_provenance(path, trust_list=trust_list)
            n_unread += bool(found.error)
            yield found

    kind = arguments.format
    if kind is None:
        endings = {".json": "json", ".csv": "csv"}
        kind = endings.get(Path(out).suffix.lower(), "table") if out else "table"
    if kind == "table":
        lines = _table_lines(read(), limits(trust_list=trust_list))
    elif kind == "csv":
        lines = csv_lines((provenance_row(found) for found in read()), None)
    else:
        lines = json_lines((_data(found) for found in read()), None)
    write_text(lines, out, force=arguments.force)
    unread = f", {n_unread:,} could not be read" if n_unread else ""
    complain(f"{counted(len(paths), 'file')}{unread}")
    return 3 if n_unread else 0


def provenance_row(found: "Provenance") -> dict[str, Any]:
    """Return what a file says as a row of a table."""
    return {
        "path": found.path,
        "provenance": found.claim or None,
        "provenance_detail": found.detail or None,
        "error": found.error or None,
    }


def _data(found: "Provenance") -> dict[str, Any]:
    return provenance_row(found) | {
        "manifest": asdict(found.manifest) if found.manifest else None,
        "statements": [asdict(statement) for statement in found.statements],
    }


def _table_lines(found: Iterator["Provenance"], limits: Any) -> Iterator[str]:
    """Yield what people read: a sentence for each file, and its statements below."""
    for each in found:
        yield f"{printable(each.path)}\n    {printable(each.summary)}\n"
        for said in each.statements:
            name = f"{said.source} {said.field}".strip()
            value = said.value if len(said.value) <= 120 else f"{said.value[:119]}…"
            yield f"      {printable(f'{name}: {value}')}\n"
            yield f"        {printable(f'{said.meaning} [{said.trust}]')}\n"
        if each.manifest is not None:
            facts = each.manifest
            told = [
                f"signed by {facts.signer}" if facts.signer else "",
                f"on {facts.signed_at}" if facts.signed_at else "",
                f"with {facts.made_with}" if facts.made_with else "",
                *facts.problems,
            ]
            yield f"      {printable('C2PA manifest: ' + '; '.join(filter(None, told)))}\n"
    yield "\n"
    for sentence in limits:
        yield f"{sentence}\n"
