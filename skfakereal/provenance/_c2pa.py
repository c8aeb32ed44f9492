"""An image with a C2PA manifest -> who signed it, and whether the image is still the same.

The manifest is parsed by c2pa-python in a process of its own, which is bounded in time and
memory, has no network to ask and ends with the image: a parser that falls takes nothing
with it.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from skfakereal._images.signatures import signature_format
from skfakereal.provenance._statements import Statement, mentioned_types, source_type

TRUST_VARIABLE = "SKFAKEREAL_C2PA_TRUST"
_HERE = Path(__file__).parent
_LISTS = ("C2PA-TRUST-LIST.pem", "C2PA-TSA-TRUST-LIST.pem")
_OWN_LIST = "C2PA's trust list of 2026-08-14 (CC BY 4.0)"
_MOST_LIST, _MOST_ANSWER = 2**22, 2**20
_SECONDS = 40
_KINDS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
    "JXL": "image/jxl",
}
_STATES = {"Trusted": "trusted", "Valid": "unknown signer", "Invalid": "invalid"}
_DOUBTS = ["trusted", "unknown signer", "invalid"]
_PROBLEMS = {
    "assertion.dataHash.mismatch": "the image was changed after it was signed",
    "assertion.bmffHash.mismatch": "the image was changed after it was signed",
    "assertion.boxesHash.mismatch": "the image was changed after it was signed",
    "assertion.hashedURI.mismatch": "the manifest was changed after it was signed",
    "claimSignature.mismatch": "the signature does not match the manifest",
    "signingCredential.untrusted": "the signer is not on the trust list",
    "signingCredential.expired": "the signer's certificate had expired",
    "signingCredential.invalid": "the signer's certificate is not one for signing images",
    "cawg.x509.credential.untrusted": "the one who is named in it is not on the trust list",
    "timeStamp.untrusted": "the time stamp is by an authority that is not on the trust list",
}


@dataclass(frozen=True)
class Manifest:
    """The C2PA manifest of a file, and what became of its check.

    Parameters
    ----------
    trust : {"not checked", "trusted", "unknown signer", "invalid"}
        See `Statement`.
    signer : str
        Who signed it, as the certificate says.
    signed_at : str
        When, if a time-stamping authority was asked.
    made_with : str
        The program that wrote it.
    problems : tuple of str
        Why it is not trusted, or was not checked.
    trust_list : str
        Against which list the signer was checked; empty if that did not happen.
    """

    trust: str
    signer: str = ""
    signed_at: str = ""
    made_with: str = ""
    problems: tuple[str, ...] = ()
    trust_list: str = ""


def check_manifest(
    data: bytes, manifest: bytes | bytearray, trust_list: str | os.PathLike[str] | None
) -> tuple[Manifest, list[Statement]]:
    """Check the manifest of an image, and tell what it says."""
    try:
        anchors = read_trust_list(trust_list)
    except (OSError, ValueError) as error:
        return _unchecked(manifest, str(error))
    kind = _KINDS.get(signature_format(data) or "")
    if kind is None:
        return _unchecked(manifest, "manifests in this format are not checked")
    if find_spec("c2pa") is None:
        return _unchecked(manifest, 'checking it needs: pip install "skfakereal[c2pa]"')
    answer = _ask_child({"kind": kind, "anchors": anchors}, data)
    if "missing" in answer:
        return _unchecked(manifest, f"c2pa-python cannot be loaded: {answer['missing']}")
    trust = _STATES.get(str(answer.get("state")), "invalid")
    problems = [_in_words(str(code)) for code in answer.get("failures", ())]
    if "error" in answer:
        problems = [f"it cannot be read: {answer['error']}"]
    checked = Manifest(
        trust,
        str(answer.get("signer") or answer.get("name") or ""),
        str(answer.get("time") or ""),
        str(answer.get("maker") or ""),
        tuple(dict.fromkeys(problems)),
        trust_list_words(trust_list),
    )
    if "error" in answer:
        return checked, _mentioned(manifest, "invalid")
    return checked, _statements(answer.get("sources", ()), trust)


def _in_words(code: str) -> str:
    part, _, own = code.rpartition(":")
    words = _PROBLEMS.get(own, own)
    return f"of what went into it: {words}" if part else words


def _unchecked(manifest: bytes | bytearray, why: str) -> tuple[Manifest, list[Statement]]:
    return Manifest("not checked", problems=(why,)), _mentioned(manifest, "not checked")


def _mentioned(manifest: bytes | bytearray, trust: str) -> list[Statement]:
    """Tell what the manifest's bytes mention: of the image itself, or of what went into it."""
    terms = mentioned_types(manifest)
    found = []
    for term in terms:
        _, claim, meaning = source_type(term)
        if claim == "generated" and len(terms) > 1:
            claim, meaning = "altered", f"{meaning}, or a part of it was"
        found.append(Statement("C2PA manifest", "mentions", term, meaning, claim, trust))
    return found


def _statements(sources: Any, trust: str) -> list[Statement]:
    found = []
    for action, kind, agent, relation, doubt in sources:
        if not kind:
            continue
        term, claim, meaning = source_type(kind)
        is_step = action.startswith("c2pa.") and action != "c2pa.created"
        if claim == "generated" and (relation == "componentOf" or is_step):
            claim = "altered"
        if claim == "captured" and relation == "componentOf":
            claim = ""
        if relation:
            of = "a part" if relation == "componentOf" else "an earlier version"
            meaning = f"{of}: {meaning}"
        meaning += f", with {agent}" if agent else ""
        worst = max(trust, doubt or trust, key=_DOUBTS.index)
        found.append(Statement("C2PA manifest", action, term, meaning, claim, worst))
    return list(dict.fromkeys(found))


def _ask_child(task: dict[str, str], data: bytes) -> dict[str, Any]:
    command = [sys.executable, "-P", str(_HERE / "_c2pa_child.py")]
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        return {"missing": f"no process for it could be started: {error}"}
    late = threading.Timer(_SECONDS, child.kill)
    late.start()
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        try:
            with suppress(BrokenPipeError):
                child.stdin.write(json.dumps(task).encode() + b"\n")
                child.stdin.write(data)
                child.stdin.close()
            said = child.stdout.read(_MOST_ANSWER + 1)
        finally:
            late.cancel()
            child.kill()
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        return {"error": "its parser stopped, or took too long or too much memory"}
    return answer


def read_trust_list(trust_list: str | os.PathLike[str] | None) -> str:
    """Return the certificates of signers that are trusted, as PEM."""
    place = _replaced(trust_list)
    if place is None:
        return _own_list()
    with Path(place).open("rb") as file:
        text = file.read(_MOST_LIST + 1)
    if len(text) > _MOST_LIST or b"-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError(
            f"The trust list {str(place)!r} must hold certificates in PEM form, of at most "
            f"{_MOST_LIST // 2**20} MB together."
        )
    return text.decode("utf-8", "replace")


def trust_list_words(trust_list: str | os.PathLike[str] | None) -> str:
    """Name the trust list in use."""
    place = _replaced(trust_list)
    return _OWN_LIST if place is None else f"the trust list {str(place)!r}"


def _replaced(trust_list: str | os.PathLike[str] | None) -> str | os.PathLike[str] | None:
    return trust_list or os.environ.get(TRUST_VARIABLE) or None


@cache
def _own_list() -> str:
    folder = _HERE / "trust"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in _LISTS)
