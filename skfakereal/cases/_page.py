"""What there is to tell of one image -> the sections of its page, a map among them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from skfakereal._novelty import UNUSUAL, is_of_other_size, unlike
from skfakereal._pages.html import (
    Html,
    details,
    escaped,
    headlines,
    items,
    note,
    section,
    table,
)
from skfakereal._pages.pictures import figure, picture
from skfakereal._paths import as_fitted
from skfakereal._wording import chance
from skfakereal.provenance import Provenance, limits

# As the page itself says; its style and pictures are inside it.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
KINDS: dict[str | None, Any] = {"real": "good", "fake": "bad", "unsure": "warning"}
_LIMITS = (
    "A probability is what this detector makes of this image. It is no proof, in either "
    "direction, and it knows the generators that it was trained on.",
    "The rates of the threshold hold for images like those that it was validated on. On "
    "images of other origin, or saved in another way, they can be far worse.",
    "Never let this page alone decide about a person.",
)
_MAP_WORTH = (
    "The map shows what the detector used, not what was manipulated: one that is wrong has "
    "maps as convincing as one that is right."
)
_MOST_CARD = 100_000  # characters

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LookedAt:
    """A map as a picture, or why there is none."""

    picture: Html | None = None
    method: str = ""
    of: str = ""  # the class whose probability it explains
    sanity: str = ""
    problem: str = ""


def look(
    estimator: Any, path: str, names: tuple[str, ...], positive: int | None
) -> LookedAt:
    """Explain one image, by Grad-CAM where it can, else by occlusion."""
    from skfakereal.explain import (
        NO_CHECK,
        check_maps,
        grad_cam,
        occlusion,
        why_no_grad_cam,
    )

    if not hasattr(estimator, "predict_proba"):
        return LookedAt(problem="This model gives no probability that a map could explain.")
    method: Any = "occlusion" if why_no_grad_cam(estimator) is not None else "grad-cam"
    label = None if positive is None else estimator.classes_.tolist()[positive]
    X = as_fitted(estimator, [path])
    try:
        maps = (grad_cam if method == "grad-cam" else occlusion)(estimator, X, label=label)
        check = check_maps(estimator, X, method, label=label)
    except (OSError, TypeError, ValueError) as error:  # the page is worth having without
        return LookedAt(problem=f"No map could be made: {str(error)[:300]}")
    of = names[estimator.classes_.tolist().index(maps.explained.tolist()[0])]
    drawn = _draw(replace(maps, paths=("",)), of, method)
    return LookedAt(drawn, method, of, NO_CHECK if check is None else check.sentence(0))


def _draw(maps: Any, of: str, method: str) -> Html:
    from matplotlib.figure import Figure

    from skfakereal.explain import GradCAMDisplay, OcclusionDisplay

    *_, height, width = maps.areas[0]
    tall = min(max(height / width, 0.4), 1.6)
    drawn = Figure(figsize=(5.6, 4.4 * tall + 0.2), layout="constrained")  # no window's
    ax = drawn.subplots()
    display = OcclusionDisplay if method == "occlusion" else GradCAMDisplay
    display.from_maps(maps, ax=ax)
    ax.set_title("")
    grey = np.asarray(ax.images[0].get_array())  # as colours, so that it is a photograph:
    ax.images[0].set_data(np.repeat(grey[..., np.newaxis], 3, axis=2))  # never inverted
    return figure(drawn, alt=f"Where in the picture the detector looked for {of}")


def _map(looked: LookedAt | None) -> Html:
    """Return the section of the map."""
    from skfakereal.explain import HOW_CHECKED, READING

    heading = "Where the detector looked"
    if looked is None:
        return section(heading, "No map was asked for.")
    if looked.picture is None:
        return section(heading, looked.problem)
    return section(
        heading,
        looked.picture,
        note(f"{_MAP_WORTH} {looked.sanity}"),
        details(
            "How to read the map",
            items(
                [f"It explains the probability of {looked.of}.", *READING[looked.method]]
            ),
            HOW_CHECKED,
        ),
    )


def lead_of(row: Row) -> str:
    """Return the answer in a sentence."""
    if row["error"]:
        return f"This file could not be judged: it {row['error']}."
    if row["verdict"] == "unsure":
        return "The detector is unsure about this image."
    return f"The detector calls this image {row['verdict']}."


def case_sections(
    row: Row,
    detector: Row,
    provenance: Provenance,
    facts: Mapping[str, str],
    pixels: NDArray[np.uint8] | None,
    looked: LookedAt | None,
    original: bytes | None,
) -> list[Html]:
    """Return the sections, from the verdict to the limits."""
    parts = [_verdict(row, detector, pixels)]
    if not row["error"]:
        parts += [_likeness(row), _worth(detector), _map(looked)]
    parts += [
        _says(provenance),
        _file(row, facts, original),
        _detector(detector),
        section("Limits", items(_LIMITS)),
    ]
    return parts


def _verdict(row: Row, detector: Row, pixels: NDArray[np.uint8] | None) -> Html:
    if row["error"]:
        return section("Verdict", note(f"No verdict: the file {row['error']}.", "plain"))
    of = detector["positive"] or row["label"]
    figures: list[tuple[str, Any]] = [("verdict", row["verdict"])]
    if row["probability"] is not None:
        figures.append((f"probability of {of}", chance(row["probability"])))
    if row["threshold"] is not None:
        figures.append(("threshold", chance(row["threshold"])))
    right: list[Html] = [headlines(figures), _scale(row, of)]
    right += [note(reason, "warning") for reason in row["reasons"]]
    if (why := unlike(row["novelty"])) and why not in row["reasons"]:
        right.append(note(why, "warning"))
    if (
        not row["reasons"]
        and row["threshold"] is not None
        and row["probability"] is not None
    ):
        side = "below" if row["probability"] < row["threshold"] else "at or above"
        kind = KINDS.get(row["verdict"], "plain")
        said = f"The probability of {of} lies {side} the threshold."
        right.append(note(said, kind))
    left = (
        ""
        if pixels is None
        else picture(pixels, alt=f"The image {row['name']}", largest=max(pixels.shape))
    )
    return section(
        "Verdict", Html(f'<div class="case">{left}<div>{"".join(right)}</div></div>')
    )


def _scale(row: Row, of: str) -> Html:
    """Return the probability as a place on a line; the words beside it say the same."""
    probability, threshold = row["probability"], row["threshold"]
    if probability is None:
        return Html("")
    mark = "" if threshold is None else f'<i style="left:{100 * threshold:.2f}%"></i>'
    return Html(
        f'<div class="scale" aria-hidden="true"><div>{mark}'
        f'<b style="left:{100 * probability:.2f}%"></b></div>'
        f"<span>0</span><span>probability of {escaped(of)}</span><span>1</span></div>"
    )


def _likeness(row: Row) -> Html:
    heading, novelty = "Like the training images?", row["novelty"]
    if novelty is None:
        said = "This model cannot tell how unlike its training images an image is."
        return section(heading, said)
    share = f"{100 * min(novelty, 0.999):.1f}".removesuffix(".0")
    more = "over " if novelty > 0.999 else ""
    said = f"More unusual than {more}{share}% of images like the training images."
    level = f"{100 * UNUSUAL:g}%"
    if why := unlike(novelty):
        verdict = note(why if is_of_other_size(novelty) else f"{said} {why}", "warning")
    else:
        verdict = note(f"{said} It is called unlike them from {level} on.", "plain")
    return section(
        heading,
        verdict,
        details(
            "How this is measured",
            "The distance of the image's features from a summary of those of the training images "
            "(means, deviations, principal directions; no single image) is compared to that of "
            "training images that the summary was not made of. If its shorter side has less than "
            "half, or more than twice, the pixels of theirs, it is unlike them all. An image "
            "that is not unlike them can be judged wrongly all the same.",
        ),
    )


def _worth(detector: Row) -> Html:
    heading, positive = "What the threshold is worth", detector["positive"]
    others = " or ".join(name for name in detector["classes"] if name != positive)
    counts = detector["n_validation"]
    rates = (detector["false_positive_rate"], detector["true_positive_rate"])
    names = (f"{others} images called {positive}", f"{positive} images found")
    rows = []
    for name, rate, n in zip(names, rates, counts, strict=True):
        is_count = type(n) is int and 0 < n < 2**53
        if is_count and isinstance(rate, int | float) and 0 <= rate <= 1:
            exact = binomtest(round(rate * n), n).proportion_ci(method="exact")
            rows.append([name, rate, f"{exact.low:.3f} to {exact.high:.3f}", n])
    if not rows:
        return section(
            heading,
            "No error rates of this threshold are known: the model has no record of them.",
        )
    header = ("", "share", "95% interval", "images")
    said = "Measured on the images that the threshold was chosen on, so a little too good."
    return section(heading, table(rows, header), said)


def _says(said: Provenance) -> Html:
    parts: list[Html] = [note(f"{said.summary[:1].upper()}{said.summary[1:]}.")]
    if said.statements:
        rows = [[s.source, s.field, s.value, s.meaning, s.trust] for s in said.statements]
        parts.append(
            table(rows, ("where", "field", "what stands there", "meaning", "trust"))
        )
    if said.manifest is not None:
        facts = said.manifest
        known = [
            ("signed by", facts.signer),
            ("signed on", facts.signed_at),
            ("written by", facts.made_with),
            ("problems", "; ".join(facts.problems)),
            ("checked against", facts.trust_list),
        ]
        rows = [[name, value] for name, value in known if value]
        parts.append(table(rows, caption="C2PA manifest"))
    parts.append(details("What this is worth", items(limits())))
    return section("What the file itself says", *parts)


def digest(digits: str) -> Html:
    """Return a digest that a narrow screen can break, and that is copied in one piece."""
    return Html("<wbr>".join(digits[i : i + 16] for i in range(0, 64, 16)))


def _file(row: Row, facts: Mapping[str, str], original: bytes | None) -> Html:
    rows: list[list[Any]] = [
        ["name", row["name"]],
        ["SHA-256", digest(row["sha256"] or "")],
        ["bytes", None if row["bytes"] is None else f"{row['bytes']:,}"],
        ["pixels", None if row["width"] is None else f"{row['width']} x {row['height']}"],
        *([name, value] for name, value in facts.items()),
    ]
    parts = [table(rows)]
    if original is not None:
        encoded = base64.b64encode(original).decode("ascii")
        name = escaped(str(row["name"]).rsplit("/", 1)[-1])
        address = f"data:application/octet-stream;base64,{encoded}"
        parts.append(
            Html(
                f'<p><a download="{name}" href="{address}">Download the original file</a>, '
                "with its metadata, as this page carries it.</p>"
            )
        )
    return section("The file", *parts)


def _moment(written: Any) -> str:
    """Return a time of a record as people write it, or as it stands there."""
    try:
        made = datetime.fromisoformat(written).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return str(written or "")
    return f"{made:%Y-%m-%d at %H:%M} UTC"


def _detector(detector: Row) -> Html:
    rows = [
        ["model", detector["name"]],
        ["SHA-256 of its file", digest(detector["sha256"] or "")],
        ["trained", _moment(detector["made"])],
        ["classes", ", ".join(detector["classes"])],
        ["version of skfakereal", detector["version"]],
    ]
    parts = [table([row for row in rows if row[1]])]
    parts += [note(caution, "warning") for caution in detector["cautions"]]
    if card := detector.get("card"):
        parts.append(
            details("Model card", Html(f"<pre>{escaped(card[:_MOST_CARD])}</pre>"))
        )
    return section("The detector", *parts)
