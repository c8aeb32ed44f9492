"""Measured facts -> findings in words, and what to do about them, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skfakereal.audit._copying import LEAST_SHRINKING
from skfakereal.audit._duplicates import Copies
from skfakereal.audit._fields import DENSITY, Field
from skfakereal.audit._leak import Shortcut
from skfakereal.audit._verdict import (
    CLEAN,
    LEAKING,
    SUSPICIOUS,
    TOO_FEW,
    UNREADABLE,
    AuditVerdict,
    Finding,
    Severity,
    percent,
)

_SIZES = frozenset({"dimensions", "width", "height", "aspect", "blocks"})
# A tenth of the images is left out for a size that grows by 1.7 times or more, a fifth, which
# is the most, for one that grows by 3: few tiny files do not make all others tiny.
_LEAST_KEPT, _WORTH = 0.8, 5.0
_ORDER: tuple[str, ...] = (LEAKING, SUSPICIOUS, "minor")
# Shares of the images of a split with a copy in another one, or of all images that are
# copies and not held together by a group.
_SPLIT_SUSPICIOUS, _SPLIT_LEAKING = 0.005, 0.05
_LOOSE_COPIES = 0.05
_CONTRADICTIONS = 0.005
_IMBALANCE = 3.0
_AS_TELLING = 0.05  # of the shares
_WHERE = (
    "copies have the same number in the report's copies_, and in the groups.csv that skfakereal "
    "audit --out writes"
)
_SPOKESMEN = ("format", "dimensions", "mode", "exif", "text_keys")


@dataclass(frozen=True)
class SizeAdvice:
    """To which size the images are best brought.

    Attributes
    ----------
    side : int
        Pixels of the copies, for ``equalize_images(size=(side, side))``.
    needed : int
        Pixels that the shorter side of an image needs for that.
    n_left_out : int
        How many images have less, and must be left out.
    n_images : int
        How many images there are.
    """

    side: int
    needed: int
    n_left_out: int
    n_images: int

    def reason(self) -> str:
        """Return why it is this size, and what must be left out for it."""
        if not self.n_left_out:
            return (
                "That is three quarters of the shortest side of all images, since every picture "
                "is shrunk by at least a quarter."
            )
        return (
            f"That keeps {self.n_images - self.n_left_out:,} of {self.n_images:,} images: "
            f"leave out the {self.n_left_out:,} with a side of less than {self.needed:,} "
            'pixels (on_error="skip", or --skip-unreadable, does).'
        )


def advise_size(
    shorter_sides: NDArray[np.float64], classes: NDArray[np.intp]
) -> SizeAdvice:
    """Choose a size that is large and keeps most images of each class."""
    candidates = np.unique(shorter_sides)
    kept = np.min(
        [
            1 - np.searchsorted(np.sort(s), candidates) / len(s)
            for s in (shorter_sides[classes == c] for c in np.unique(classes))
        ],
        axis=0,
    )
    worth = np.where(kept >= _LEAST_KEPT, candidates * kept**_WORTH, 0)
    needed = int(candidates[np.argmax(worth)])
    n_left_out = int((shorter_sides < needed).sum())
    side = max(1, int(LEAST_SHRINKING * needed))
    return SizeAdvice(side, needed, n_left_out, len(shorter_sides))


def next_steps(
    verdict: AuditVerdict, findings: Sequence[Finding], size: SizeAdvice
) -> list[str]:
    """Return the steps that lead from an audit to training."""
    # Training stops at what cannot be read, whatever the verdict.
    broken = [
        "Remove or replace the files that cannot be read, or leave them out of training "
        "with skfakereal train --skip-unreadable: without it, training stops at them."
        for finding in findings
        if finding.name == UNREADABLE
    ]
    if verdict == CLEAN:
        rest = "Nothing else" if broken else "Nothing"
        return [
            *broken,
            f"{rest} has to be changed: train with skfakereal train FOLDER --out RUN (in "
            "Python: fit).",
        ]
    if verdict == TOO_FEW:
        return ["Collect more images of each class, and audit again."]
    severe = [finding for finding in findings if finding.severity != "minor"]
    unequal = [f for f in severe if "equalize" in f.remedy]
    # Files go before copies are made of the rest.
    steps = broken + list(dict.fromkeys(f.remedy for f in severe if f not in unequal))
    if unequal:
        sized = any(_SIZES & set(finding.fields) for finding in unequal)
        options = f" --size {size.side}" if sized else ""
        left_out = ""
        if sized and size.n_left_out:
            options += " --skip-unreadable"
            left_out = f" That leaves out the {size.n_left_out:,} smallest images."
        steps.append(
            f"Save both classes again in the same way: skfakereal equalize FOLDER OUT{options}"
            f" (in Python: equalize_images).{left_out} The originals stay unchanged."
        )
    if not severe:  # the headline alone, by what several fields say together
        steps.append("Look in the table of all properties for what differs most.")
    but = (
        ", or if only copies are left and groups keep them together"
        if any(finding.name == "copies" for finding in severe)
        else ""
    )
    return [*steps, f"Audit the result again. Train when the answer is “clean”{but}."]


def find_problems(
    shortcuts: Sequence[Shortcut],
    exact: Copies,
    copies: Copies,
    unreadable: Mapping[str, int],
    counts: Mapping[str, int],
    split_counts: Mapping[str, int],
    *,
    grouped: bool,
    size: SizeAdvice,
) -> list[Finding]:
    """Put everything that was found into words, the worst first."""
    findings = _shortcut_findings(shortcuts, list(counts), size)
    findings += _split_findings(exact, copies, split_counts)
    findings += _copy_findings(
        exact, copies, sum(counts.values()), grouped, bool(split_counts)
    )
    findings += _count_findings(unreadable, counts)
    return sorted(findings, key=lambda f: _ORDER.index(f.severity))


def _shortcut_findings(
    shortcuts: Sequence[Shortcut], names: list[str], size: SizeAdvice
) -> list[Finding]:
    """One finding for each remedy: a PNG has no JPEG tables, and both say the same."""
    by_remedy: dict[tuple[str, str], list[Shortcut]] = {}
    packing_differs = any(s.matters and s.field.in_headline for s in shortcuts)
    for shortcut in sorted(shortcuts, key=lambda s: -s.strength.auc):
        if shortcut.matters:
            severity = shortcut.strength.verdict
        elif shortcut.field is DENSITY and packing_differs:
            continue
        elif (shortcut.uneven and shortcut.field.judged) or (
            shortcut.field.noted and (shortcut.uneven or shortcut.is_strong)
        ):
            severity = "minor"  # type: ignore[assignment]
        else:
            continue
        by_remedy.setdefault((shortcut.field.remedy, severity), []).append(shortcut)
    worst = dict(reversed(by_remedy))
    return [
        _shortcut_finding(group, severity, names, size)
        for (remedy, severity), group in by_remedy.items()
        if severity == worst[remedy] or severity != "minor"
    ]


def _shortcut_finding(
    group: list[Shortcut], severity: str, names: list[str], size: SizeAdvice
) -> Finding:
    # Of about equally strong ones, the one that the others follow from speaks for them.
    strongest = max(s.strength.auc for s in group)
    equal = [s for s in group if s.strength.auc > strongest - _AS_TELLING]
    first = min(equal, key=lambda s: (s.field.name not in _SPOKESMEN, -s.strength.auc))
    others = [s.field for s in group if s is not first]
    title, titles = first.field.title, ", ".join(field.title for field in others)
    also = f" The same shows in: {titles}." if others else ""
    return Finding(
        title,
        severity,  # type: ignore[arg-type]
        f"{title[0].upper()}{title[1:]} {_evidence(first, names)} (AUC on its own "
        f"{first.strength.auc:.2f}).{also}",
        first.field.why,
        _remedy(first.field, size),
        tuple(field.name for field in (first.field, *others)),
    )


def _remedy(field: Field, size: SizeAdvice) -> str:
    if "SIDE" not in field.remedy:
        return field.remedy
    return field.remedy.replace("SIDE", str(size.side)) + size.reason()


def _evidence(shortcut: Shortcut, names: list[str]) -> str:
    """Say what differs most, and what the classes that lack it have in its place."""
    rows = [row for row in shortcut.rows if not row.is_rest]
    # Of equally telling values the one of the last class, which is "fake" as a rule.
    row = max(
        (r for r in rows if r.difference > rows[0].difference - _AS_TELLING),
        key=lambda r: r.shares[-1],
    )
    evidence = ", ".join(
        f"{percent(share)} of {name}" for name, share in zip(names, row.shares, strict=True)
    )
    for c, name in enumerate(names):
        usual = max(rows, key=lambda r: r.shares[c])
        if row.shares[c] < 0.5 <= usual.shares[c]:
            evidence += f"; {percent(usual.shares[c])} of {name} are “{usual.value}”"
    return f"“{row.value}”: {evidence}"


def _split_findings(
    exact: Copies, copies: Copies, split_counts: Mapping[str, int]
) -> list[Finding]:
    findings = []
    for (a, b), n in copies.across_splits.items():
        # Of two splits the smaller one is the one that is tested on.
        if not n or (split_counts[a], a) > (split_counts[b], b):
            continue
        share = n / split_counts[a]
        severity: Severity = (
            "leaking"
            if share >= _SPLIT_LEAKING
            else "suspicious"
            if share >= _SPLIT_SUSPICIOUS
            else "minor"
        )
        findings.append(
            Finding(
                f"copies of “{b}” in “{a}”",
                severity,
                f"{n:,} of the {split_counts[a]:,} images of “{a}” ({percent(share)}) have "
                f"a copy in “{b}”: {exact.across_splits[a, b]:,} identical to the byte, "
                f"{n - exact.across_splits[a, b]:,} near-duplicates.",
                "An image that was seen in training tests nothing: scores come out too high.",
                f"Leave the copies out of “{a}” or of “{b}” ({_WHERE}), or split again by "
                "groups.",
            )
        )
    return findings


def _copy_findings(
    exact: Copies, copies: Copies, n_images: int, grouped: bool, is_split: bool
) -> list[Finding]:
    findings = []
    if exact.across_classes:
        share = exact.across_classes / n_images
        findings.append(
            Finding(
                "one picture in two classes",
                "suspicious" if share >= _CONTRADICTIONS else "minor",
                f"{exact.across_classes:,} pictures are in more than one class, identical to the "
                "byte.",
                "At least one of their labels is wrong.",
                "Find out which label of such a picture is right, and remove the other file "
                f"({_WHERE}).",
            )
        )
    if copies.n_clusters:
        loose = copies.across_groups if grouped else copies.n_clusters
        share = copies.n_extra / n_images
        bad = share >= _LOOSE_COPIES and loose > 0 and not is_split
        near = copies.n_extra - exact.n_extra
        across = (
            " Sets of copies with more than one class, such as fakes made from real "
            f"pictures: {copies.across_classes:,}."
            if copies.across_classes
            else ""
        ) + (
            f" Sets with more than one group: {copies.across_groups:,}."
            if copies.across_groups
            else ""
        )
        findings.append(
            Finding(
                "copies",
                "suspicious" if bad else "minor",
                f"Files identical to another one: {exact.n_extra:,}. Near-duplicates of another "
                f"one: {near:,}. Together {percent(share)} of all.{across}",
                "A random split puts copies on both sides, and scores come out too high.",
                "Keep copies in one split: pass the report's groups_ to fit and to a group-wise "
                "splitter, such as StratifiedGroupKFold; on the command line, the groups.csv "
                "that skfakereal audit --out writes to skfakereal train --groups.",
            )
        )
    return findings


def _count_findings(
    unreadable: Mapping[str, int], counts: Mapping[str, int]
) -> list[Finding]:
    findings = []
    if any(unreadable.values()):
        listed = ", ".join(f"{n:,} of {name}" for name, n in unreadable.items())
        findings.append(
            Finding(
                UNREADABLE,
                "minor",
                f"Files that cannot be read: {listed}.",
                "They are left out of all figures, and training would stop at them.",
                "Remove or replace them; the report lists them.",
            )
        )
    if max(counts.values()) > _IMBALANCE * min(counts.values()):
        listed = ", ".join(f"{n:,} of {name}" for name, n in counts.items())
        findings.append(
            Finding(
                "class balance",
                "minor",
                f"The classes differ in size: {listed}.",
                "Accuracy then flatters a model that always predicts the larger class.",
                "Keep balanced class weights, and read balanced accuracy and ROC-AUC.",
            )
        )
    return findings
