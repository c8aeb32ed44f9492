"""What a file carries beside its picture -> statements on where the picture comes from."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from skfakereal.provenance._packets import Packets

# What a file can say of its picture, the strongest first, in words.
CLAIMS = {
    "generated": "made by AI",
    "altered": "made or changed by AI in part",
    "captured": "recorded from life",
    "other": "made in another way",
}
_SHOWN = 300  # characters of a value that are kept
_NAME = 1000  # characters of a program's name that are looked at

# The terms of IPTC's vocabulary "Digital Source Type" and C2PA's own, in lower case, those
# that are retired included.
_SOURCE_TYPES = {
    "trainedalgorithmicmedia": ("generated", "made by a trained model"),
    "trainedalgorithmicdata": ("generated", "made by a trained model"),
    "compositewithtrainedalgorithmicmedia": (
        "altered",
        "edited or combined with generated parts",
    ),
    "compositesynthetic": ("altered", "a composite with synthetic parts"),
    "digitalcapture": ("captured", "captured by a camera"),
    "computationalcapture": ("captured", "captured by a camera, from several frames"),
    "multiframecomputationalcapture": (
        "captured",
        "captured by a camera, from several frames",
    ),
    "negativefilm": ("captured", "digitised from a negative on film"),
    "positivefilm": ("captured", "digitised from a positive on film"),
    "print": ("captured", "digitised from a print"),
    "compositecapture": ("captured", "a composite of captures"),
    "algorithmicallyenhanced": ("other", "enhanced by an algorithm"),
    "algorithmicmedia": ("other", "made by an algorithm without training data"),
    "composite": ("other", "a composite"),
    "datadrivenmedia": ("other", "drawn from data"),
    "digitalart": ("other", "made by a person with software"),
    "digitalcreation": ("other", "made by a person with software"),
    "humanedits": ("other", "edited by a person without generative tools"),
    "minorhumanedits": ("other", "edited a little by a person"),
    "screencapture": ("other", "a capture of a screen"),
    "softwareimage": ("other", "made by software"),
    "virtualrecording": ("other", "a recording of a virtual event"),
    "empty": ("other", "begun on an empty canvas"),
}

# Names that generators write of themselves where the software is named.
_GENERATORS = re.compile(
    r"\b(?:Stable[ -]?Diffusion|AUTOMATIC1111|ComfyUI|InvokeAI|NovelAI|Fooocus|SwarmUI|"
    r"Draw Things|DreamStudio|Easy Diffusion|DiffusionBee|Midjourney|DALL[-·∙ ]?E|"
    r"Adobe Firefly|Bing Image Creator|Made with Google AI|Imagen [0-9]|Ideogram|"
    r"Leonardo\.Ai|ChatGPT|GPT-(?:4o|image)|Imagined with AI|Recraft)\b",
    re.IGNORECASE,
)
_STEPS = re.compile(r"\bSteps: \d{1,6}, ")
_SETTINGS = re.compile(r"\b(?:Sampler|Seed|CFG scale): ")
_MIDJOURNEY = re.compile(r"\bJob ID: [0-9a-f]{8}-[0-9a-f-]{27}")
# Key of a PNG text -> who writes it, and what must be in it.
_TOOLS = {
    "parameters": ("SwarmUI", re.compile(r'"sui_image_params"')),
    "prompt": ("ComfyUI", re.compile(r'"class_type"\s*:')),
    "workflow": ("ComfyUI", re.compile(r'"(?:nodes|last_node_id|class_type)"\s*:')),
    "invokeai_metadata": ("InvokeAI", re.compile(r"^\s*\{")),
    "invokeai_graph": ("InvokeAI", re.compile(r"^\s*\{")),
    "invokeai_workflow": ("InvokeAI", re.compile(r"^\s*\{")),
    "sd-metadata": ("InvokeAI", re.compile(r"^\s*\{")),
    "dream": ("InvokeAI", re.compile(r"\s-[sSWHCA][\d.k]")),
    "fooocus_scheme": ("Fooocus", re.compile(r"fooocus|a1111")),
    "use_stable_diffusion_model": ("Easy Diffusion", re.compile(r".")),
}
_NOVELAI = re.compile(r'"(?:uc|sampler|noise_schedule|request_type)"\s*:')
# In EXIF, where ComfyUI and others write the same with the key before it.
_COMFY_EXIF = re.compile(
    r'^(?:prompt|workflow):\s*\{.*?"(?:class_type|nodes)"', re.I | re.S
)
_FOOOCUS = re.compile(r'"(?:full_prompt|base_model|prompt_expansion)"\s*:')

_TOO_QUIET = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_XMP_NAMES = r"DigitalSourceType|CreatorTool|Credit|provenance"
_XMP_ATTRIBUTE = re.compile(
    rf"[\s:]({_XMP_NAMES})\s{{0,20}}=\s{{0,20}}(?:\"([^\"]{{1,500}})\"|'([^']{{1,500}})')",
    re.I,
)
_XMP_ELEMENT = re.compile(
    rf"<(?:[\w.-]{{1,60}}:)?({_XMP_NAMES})\b([^<>]{{0,500}})>\s{{0,200}}"
    r"(?:<(?:[\w.-]{1,60}:)?(?:Alt|Bag|Seq)\b[^<>]{0,200}>\s{0,200}"
    r"<(?:[\w.-]{1,60}:)?li\b[^<>]{0,200}>\s{0,200})?([^<]{0,500})",
    re.I,
)
_RESOURCE = re.compile(r"(?:resource|value)\s{0,9}=\s{0,9}[\"']([^\"']{1,500})[\"']", re.I)
_IN_MANIFEST = re.compile(rb"digitalsourcetype/([A-Za-z]{4,40})")


@dataclass(frozen=True)
class Statement:
    """One thing that a file says of where its picture comes from.

    Parameters
    ----------
    source : str
        Where it stands: ``"XMP"``, ``"PNG text"``, ``"EXIF"``, ``"C2PA manifest"``, ...
    field : str
        Under which name; empty where it has none.
    value : str
        What stands there, of which at most 300 characters are kept.
    meaning : str
        The same in words.
    claim : {"generated", "altered", "captured", "other", ""}
        What it says of the whole picture: made by AI, in part, recorded from life, made in
        another way, or nothing.
    trust : {"unsigned", "not checked", "trusted", "unknown signer", "invalid"}
        What stands behind it. Anyone can write what is unsigned. ``"not checked"`` is a C2PA
        manifest whose signature was not looked at, ``"trusted"`` one that fits the file and
        was signed by a signer of the trust list, ``"unknown signer"`` one that fits and was
        signed by somebody else, ``"invalid"`` one that fails its check.
    """

    source: str
    field: str
    value: str
    meaning: str
    claim: str = ""
    trust: str = "unsigned"


def read_statements(packets: Packets) -> list[Statement]:
    """Return what the unsigned metadata say, and what an unchecked manifest mentions."""
    found: list[Statement] = []
    for packet in packets.xmp:
        found += _of_xmp(packet)
    texts = packets.texts
    named = " ".join(
        text for _, key, text in texts if key in ("Software", "Source", "Title")
    )
    for place, key, text in texts:
        found += _of_text(place, key, text, "novelai" in named.lower())
    make, model = (
        next((t for _, k, t in texts if k == name), "") for name in ("Make", "Model")
    )
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    if camera and not any(s.field in ("Make", "Model") for s in found):
        found.append(Statement("EXIF", "camera", _cut(camera), "names a camera"))
    return list(dict.fromkeys(found))


def mentioned_types(manifest: bytes | bytearray) -> list[str]:
    """Return the source types that a manifest's bytes mention, unchecked."""
    return sorted({m[1].decode("ascii") for m in _IN_MANIFEST.finditer(manifest)})


def source_type(value: str) -> tuple[str, str, str]:
    """Return term, claim and meaning of a digital source type: an address, or its end."""
    term = re.split(r"[/#:]", value.strip().rstrip("/"))[-1][:60]
    claim, meaning = _SOURCE_TYPES.get(term.lower(), ("", "a type that is not known here"))
    return term, claim, meaning


def _of_xmp(packet: str) -> Iterator[Statement]:
    packet = _TOO_QUIET.sub("", packet)
    fields = [(m[1], m[2] or m[3]) for m in _XMP_ATTRIBUTE.finditer(packet)]
    for match in _XMP_ELEMENT.finditer(packet):
        resource = _RESOURCE.search(match[2])
        fields.append((match[1], resource[1] if resource else match[3]))
    for name, raw in fields[:1000]:
        value = html.unescape(raw).strip()
        if not value:
            continue
        if name.lower() == "digitalsourcetype":
            _, claim, meaning = source_type(value)
            yield Statement("XMP", "DigitalSourceType", _cut(value), meaning, claim)
        elif name.lower() == "provenance":
            if value.startswith(("http:", "https:")):
                meaning = "a C2PA manifest elsewhere, which is not fetched"
                yield Statement("XMP", "provenance", _cut(value), meaning)
        else:
            yield from _of_name("XMP", name, value)


def _of_text(place: str, key: str, text: str, by_novelai: bool) -> Iterator[Statement]:
    name = key.lower()
    tool, mark = _TOOLS.get(name, ("", None))
    if mark and mark.search(text):
        pass
    elif _is_like_a1111(text):
        tool = "Stable Diffusion web UI (A1111), or one that writes like it"
    elif _MIDJOURNEY.search(text) and name in ("description", "imagedescription", ""):
        tool = "Midjourney"
    elif _COMFY_EXIF.search(text):
        tool = "ComfyUI"
    elif name == "comment" and by_novelai and _NOVELAI.search(text):
        tool = "NovelAI"
    elif name in ("usercomment", "comment", "parameters", "") and _FOOOCUS.search(text):
        tool = "Fooocus"
    elif name in ("software", "source", "credit", "title"):
        yield from _of_name(place, key, text)
        return
    else:
        if name == "imagedescription" and text:
            yield Statement(place, key, _cut(text), "a description")
        return
    meaning = f"settings of a generator: {tool}"
    yield Statement(place, key, _cut(text), meaning, "generated")


def _is_like_a1111(text: str) -> bool:
    return any(
        _SETTINGS.search(text, match.end(), match.end() + 300)
        for match in islice(_STEPS.finditer(text), 100)
    )


def _of_name(place: str, field: str, value: str) -> Iterator[Statement]:
    """Tell what follows from the name of a program, or of who is credited."""
    if _GENERATORS.search(value[:_NAME]):
        yield Statement(place, field, _cut(value), "names a generator", "generated")
    elif field.lower() in ("software", "creatortool"):
        yield Statement(place, field, _cut(value), "names the program that wrote the file")


def _cut(text: str) -> str:
    text = " ".join(text[: 4 * _SHOWN].split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
