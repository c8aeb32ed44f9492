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
    manifests = store.get("manifests", {})
    active = manifests.get(store.get("active_manifest"), {})
    signature = active.get("signature_info") or {}
    makers = active.get("claim_generator_info") or [{"name": active.get("claim_generator")}]
    failures = [s["code"] for s in _failures(store.get("validation_results") or {})]
    return {
        "state": store.get("validation_state"),
        "signer": _text(signature.get("issuer")),
        "name": _text(signature.get("common_name")),
        "time": _text(signature.get("time")),
        "maker": " ".join(_text(makers[0].get(k)) for k in ("name", "version")).strip(),
        "failures": list(dict.fromkeys(map(_text, failures)))[:_MOST],
        "sources": _sources(active, manifests, "", set())[:_MOST],
    }


def _failures(results: dict[str, Any]) -> list[dict[str, Any]]:
    return list((results.get("activeManifest") or {}).get("failure") or [])


def _sources(
    manifest: dict[str, Any], manifests: dict[str, Any], relation: str, seen: set[str]
) -> list[list[str]]:
    """List field, source type, program and relation to the image, of its ancestors too."""
    found: list[list[str]] = []
    for assertion in manifest.get("assertions") or []:
        data = assertion.get("data")
        if not isinstance(data, dict):
            continue
        label = _text(assertion.get("label"))
        if label.startswith("c2pa.actions"):
            for action in (data.get("actions") or [])[:_MOST]:
                agent = action.get("softwareAgent") or ""
                if isinstance(agent, dict):
                    agent = " ".join(_text(agent.get(k)) for k in ("name", "version"))
                kind = action.get("digitalSourceType") or ""
                row = [action.get("action"), kind, agent.strip(), relation]
                found.append([_text(each) for each in row])
        for key, value in data.items():
            if key.lower().endswith("digitalsourcetype"):
                found.append([label, _text(value), "", relation])
    for ingredient in (manifest.get("ingredients") or [])[:_MOST]:
        name = ingredient.get("active_manifest")
        if name in manifests and name not in seen and len(seen) < _DEEP:
            seen.add(name)
            own = relation or _text(ingredient.get("relationship"))
            found += _sources(manifests[name], manifests, own, seen)
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
