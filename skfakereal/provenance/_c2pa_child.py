"""Run as a program: verify the C2PA manifest of one image, in bounds of its own.

It knows nothing of the package that starts it. Standard input is a line of JSON with what
to do, then the image; standard output one line of JSON with what was found.
"""

import io
import json
import sys
from typing import Any

_MEMORY, _SECONDS = 2 * 10**9, 30
_MOST, _SHOWN, _DEEP = 200, 300, 20


def _bound(n_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows; there the time alone is bounded
        return
    memory = _MEMORY + 4 * n_bytes
    limits = {"AS": memory, "CPU": _SECONDS, "CORE": 0, "FSIZE": 0, "NOFILE": 64}
    for name, most in limits.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is not None:
            hard = resource.getrlimit(number)[1]
            if hard != resource.RLIM_INFINITY:
                most = min(most, hard)
            resource.setrlimit(number, (most, most))


def _verify(image: bytes, kind: str, anchors: str) -> dict[str, Any]:
    from c2pa import Context, Reader

    settings = {
        "trust": {"trust_anchors": anchors},
        "cawg_trust": {"trust_anchors": anchors},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"allowed_network_hosts": []},
    }
    reader = Reader(kind, io.BytesIO(image), context=Context.from_dict(settings))
    return _summary(json.loads(reader.json()))


def _summary(store: dict[str, Any]) -> dict[str, Any]:
    label = store["active_manifest"]
    active = store["manifests"][label]
    signature = active.get("signature_info") or {}
    makers = active.get("claim_generator_info") or [{"name": active.get("claim_generator")}]
    failures = _failures(store.get("validation_results") or {})
    return {
        "state": store.get("validation_state"),
        "signer": _text(signature.get("issuer")),
        "name": _text(signature.get("common_name")),
        "time": _text(signature.get("time")),
        "maker": " ".join(_text(makers[0].get(k)) for k in ("name", "version")).strip(),
        "failures": list(dict.fromkeys(failures))[:_MOST],
        "sources": _sources(label, store)[:_MOST],
    }


def _codes(results: dict[str, Any] | None, kind: str) -> list[str]:
    return [_text(status.get("code")) for status in (results or {}).get(kind) or []]


def _failures(results: dict[str, Any]) -> list[str]:
    """List what fails now: in the manifest itself, and in those of what went into it."""
    found = _codes(results.get("activeManifest"), "failure")
    for delta in results.get("ingredientDeltas") or []:
        codes = _codes(delta.get("validationDeltas"), "failure")
        found += [f"ingredient:{code}" for code in codes]
    return found


def _doubt(ingredient: dict[str, Any], label: str, results: dict[str, Any]) -> str:
    """Return how far the manifest of an ingredient can be trusted; empty if it can.

    What failed when it was put in stands in the ingredient, what has changed since then in
    the results: only whether its signer is trusted can change for the better.
    """
    known = ingredient.get("validation_results") or {}
    failed = set(_codes(known.get("activeManifest"), "failure"))
    failed |= set(_codes(ingredient, "validation_status"))
    place = f"{label}/c2pa.assertions/{ingredient.get('label')}"
    for delta in results.get("ingredientDeltas") or []:
        if _text(delta.get("ingredientAssertionURI")).endswith(place):
            failed |= set(_codes(delta.get("validationDeltas"), "failure"))
            if "signingCredential.trusted" in _codes(
                delta.get("validationDeltas"), "success"
            ):
                failed.discard("signingCredential.untrusted")
    if failed - {"signingCredential.untrusted"}:
        return "invalid"
    return "unknown signer" if failed else ""


def _sources(
    label: str,
    store: dict[str, Any],
    relation: str = "",
    doubt: str = "",
    seen: frozenset[str] = frozenset(),
) -> list[list[str]]:
    """List field, source type, program, relation to the image, and what there is to doubt.

    Of the manifest itself, and of those of what went into it.
    """
    found: list[list[str]] = []
    manifests = store["manifests"]
    manifest = manifests[label]
    for assertion in manifest.get("assertions") or []:
        data = assertion.get("data")
        if not isinstance(data, dict):
            continue
        name = _text(assertion.get("label"))
        if name.startswith("c2pa.actions"):
            for action in (data.get("actions") or [])[:_MOST]:
                agent = action.get("softwareAgent") or ""
                if isinstance(agent, dict):
                    agent = " ".join(_text(agent.get(k)) for k in ("name", "version"))
                kind = action.get("digitalSourceType") or ""
                row = [action.get("action"), kind, agent.strip(), relation, doubt]
                found.append([_text(each) for each in row])
        for key, value in data.items():
            if key.lower().endswith("digitalsourcetype"):
                found.append([name, _text(value), "", relation, doubt])
    for ingredient in (manifest.get("ingredients") or [])[:_MOST]:
        inner = ingredient.get("active_manifest")
        if inner in manifests and inner not in seen and len(seen) < _DEEP:
            of = relation or _text(ingredient.get("relationship"))
            own = _doubt(ingredient, label, store.get("validation_results") or {})
            worst = max(doubt, own, key=["", "unknown signer", "invalid"].index)
            found += _sources(inner, store, of, worst, seen | {label, inner})
            if len(found) > _MOST:
                break
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:_SHOWN]


def main() -> None:
    """Verify what standard input holds."""
    task = json.loads(sys.stdin.buffer.readline())
    image = sys.stdin.buffer.read()
    _bound(len(image))
    try:
        found = _verify(image, task["kind"], task["anchors"])
    except ImportError as error:
        found = {"missing": _text(error)}
    except Exception as error:  # whatever a hostile manifest brings about
        found = {"error": _text(error) or type(error).__name__}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
