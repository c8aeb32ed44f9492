"""What a file itself says of where its picture comes from.

Nothing here looks at the picture: a statement of the file stands beside a detector's
probability and is never mixed into it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from skfakereal._images.read import ImageReadError, read_bytes
from skfakereal._images.signatures import signature_format
from skfakereal.provenance._c2pa import Manifest, check_manifest, trust_list_words
from skfakereal.provenance._c2pa import read_trust_list as read_trust_list
from skfakereal.provenance._packets import read_packets
from skfakereal.provenance._statements import CLAIMS, Statement, read_statements

__all__ = ["Manifest", "Provenance", "Statement", "limits", "read_provenance"]


@dataclass(frozen=True)
class Provenance:
    """What a file says of where its picture comes from.

    Parameters
    ----------
    path : str
        The file.
    claim : {"generated", "altered", "captured", "other", ""}
        The strongest thing that it says: made by AI, made or changed by AI in part, recorded
        from life, made in another way, or nothing. What a manifest says that fails its check
        counts only where it speaks of AI.
    statements : tuple of Statement
        Everything that it says, one by one.
    manifest : Manifest or None
        Its C2PA manifest; None if it has none.
    error : str
        Why it could not be read; empty if it could.
    """

    path: str
    claim: str = ""
    statements: tuple[Statement, ...] = ()
    manifest: Manifest | None = None
    error: str = ""

    @property
    def detail(self) -> str:
        """What the claim rests on, in one line; empty if the file says nothing at all."""
        if self.error:
            return ""
        chosen = [s for s in self.statements if s.claim == self.claim and _counts(s)]
        said = [f"{s.source} {s.field}: {s.value} ({s.trust})" for s in chosen[:1]]
        if self.claim and chosen[0].source == "C2PA manifest" and self.manifest:
            doubt = (
                f" ({chosen[0].trust})" if chosen[0].trust != self.manifest.trust else ""
            )
            said = [f"{chosen[0].meaning}{doubt}: {_manifest_words(self.manifest)}"]
        elif self.manifest is not None:
            said.append(_manifest_words(self.manifest))
        if len(chosen) > 1:
            more = len(chosen) - 1
            said.append(f"and {more} more statement{'s' * (more > 1)}")
        return "; ".join(said)

    @property
    def summary(self) -> str:
        """One sentence for people."""
        if self.error:
            return f"cannot be read: {self.error}"
        if not self.claim:
            said = "the file says nothing about how its picture was made"
        else:
            said = f"the file says: {CLAIMS[self.claim]}"
        return f"{said} ({self.detail})" if self.detail else said


def read_provenance(
    path: str | os.PathLike[str], *, trust_list: str | os.PathLike[str] | None = None
) -> Provenance:
    r"""Read what a file itself says of where its picture comes from.

    Parameters
    ----------
    path : path
        An image file: JPEG, PNG, WebP, TIFF, GIF, AVIF, HEIC, JPEG XL or JPEG 2000.
    trust_list : path or None, default=None
        Certificates in PEM form of the signers, and time stampers, of C2PA manifests that are
        trusted. None for the file that the environment variable ``SKFAKEREAL_C2PA_TRUST``
        names, or else for the list of C2PA that comes with this package (see `limits`).

    Returns
    -------
    Provenance
        What it says; never an error. A file that cannot be read has an `error`.

    See Also
    --------
    limits : What such statements are worth.

    Notes
    -----
    Read are IPTC's ``DigitalSourceType`` in XMP, the settings that generators (AUTOMATIC1111,
    ComfyUI, InvokeAI, NovelAI, Fooocus, Midjourney) leave in PNG texts, EXIF and comments, the
    software that EXIF and XMP name, and C2PA manifests (content credentials). These are
    verified where c2pa-python is installed (``pip install "skfakereal[c2pa]"``), in a process
    of its own and without a network: manifests elsewhere are not fetched.

    Reading is bounded: a file may have 400 MB, a text is unpacked to at most a megabyte, and
    verifying takes at most 40 seconds.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image, PngImagePlugin
    >>> from skfakereal.provenance import read_provenance
    >>> text = PngImagePlugin.PngInfo()
    >>> text.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, Seed: 1")
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "cat.png")
    ...     Image.new("RGB", (8, 8)).save(path, pnginfo=text)
    ...     said = read_provenance(path)
    >>> said.claim, said.statements[0].trust
    ('generated', 'unsigned')
    """
    try:
        place = os.fsdecode(path)
    except TypeError:
        return Provenance(repr(path)[:200], error="it is not the path of a file")
    try:
        return _read(place, trust_list)
    except ImageReadError as error:
        what = error.message.removeprefix(f"{place!r} ").rstrip(".")
        return Provenance(place, error=what)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # no file is a reason to end a run
        what = f"it cannot be examined: {type(error).__name__}: {str(error)[:200]}"
        return Provenance(place, error=what)


def _read(place: str, trust_list: str | os.PathLike[str] | None) -> Provenance:
    data = read_bytes(place)
    if signature_format(data) is None:
        return Provenance(place, error="is not an image in a format that is known")
    packets = read_packets(data)
    statements, manifest = read_statements(packets), None
    if packets.manifest:
        manifest, of_manifest = check_manifest(data, packets.manifest, trust_list)
        statements = of_manifest + statements
    told = {statement.claim for statement in statements if _counts(statement)}
    claim = next((claim for claim in CLAIMS if claim in told), "")
    return Provenance(place, claim, tuple(statements), manifest)


def _counts(statement: Statement) -> bool:
    return statement.trust != "invalid" or statement.claim in ("generated", "altered")


def _manifest_words(manifest: Manifest) -> str:
    by = f" by {manifest.signer}" if manifest.signer else ""
    why = f": {'; '.join(manifest.problems)}" if manifest.problems else ""
    return {
        "trusted": f"C2PA manifest signed{by}, who is on the trust list",
        "unknown signer": f"C2PA manifest signed{by}, who is not on the trust list",
        "invalid": f"C2PA manifest{by} that fails its check{why}",
        "not checked": f"C2PA manifest, not checked{why}",
    }[manifest.trust]


def limits(*, trust_list: str | os.PathLike[str] | None = None) -> Sequence[str]:
    """Return what statements of a file are worth, for whoever reads them.

    Parameters
    ----------
    trust_list : path or None, default=None
        As in `read_provenance`.

    Returns
    -------
    tuple of str
        A few sentences.
    """
    return (
        "A file that says nothing proves nothing: most generators leave no mark, and "
        "messengers and editors remove such marks.",
        "Unsigned metadata can be forged by anyone, in either direction.",
        f"Signers of C2PA manifests are checked against {trust_list_words(trust_list)}, which "
        "can be replaced. A signature says who vouches for a statement, not that it is true.",
        "Whether a certificate has been revoked is not checked, and nothing is fetched.",
    )
