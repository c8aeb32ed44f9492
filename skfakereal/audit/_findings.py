"""Measured facts -> sentences that say what was found, how bad it is and what helps."""

from collections.abc import Mapping, Sequence

from skfakereal.audit._advice import SizeAdvice
from skfakereal.audit._copies import Copies
from skfakereal.audit._fields import DENSITY, Field
from skfakereal.audit._shortcuts import Shortcut
from skfakereal.audit._verdict import LEAKING, SUSPICIOUS
from skfakereal.audit._words import UNREADABLE, Finding, Severity, percent

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
    found = _shortcut_findings(shortcuts, list(counts), size)
    found += _split_findings(exact, copies, split_counts)
    found += _copy_findings(
        exact, copies, sum(counts.values()), grouped, bool(split_counts)
    )
    found += _count_findings(unreadable, counts)
    return sorted(found, key=lambda f: _ORDER.index(f.severity))


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
    told = _evidence(first, names)
    others = [s.field.title for s in group if s is not first]
    also = f" The same shows in: {', '.join(others)}." if others else ""
    return Finding(
        first.field.title,
        severity,  # type: ignore[arg-type]
        f"{_capital(first.field.title)} {told} (AUC of this alone "
        f"{first.strength.auc:.2f}).{also}",
        first.field.why,
        _remedy(first.field, size),
        tuple(s.field.name for s in [first, *(s for s in group if s is not first)]),
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
    told = ", ".join(
        f"{percent(share)} of {name}" for name, share in zip(names, row.shares, strict=True)
    )
    for c, name in enumerate(names):
        usual = max(rows, key=lambda r: r.shares[c])
        if row.shares[c] < 0.5 <= usual.shares[c]:
            told += f"; {percent(usual.shares[c])} of {name} are “{usual.value}”"
    return f"“{row.value}”: {told}"


def _split_findings(
    exact: Copies, copies: Copies, split_counts: Mapping[str, int]
) -> list[Finding]:
    found = []
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
        found.append(
            Finding(
                f"copies of “{b}” in “{a}”",
                severity,
                f"{n:,} of the {split_counts[a]:,} images of “{a}” ({percent(share)}) have "
                f"a copy in “{b}”: {exact.across_splits[a, b]:,} identical to the byte, "
                f"{n - exact.across_splits[a, b]:,} that look the same.",
                "What was seen in training is no test: scores come out too high.",
                f"Leave the copies out of “{a}” or of “{b}” ({_WHERE}), or divide anew by "
                "groups.",
            )
        )
    return found


def _copy_findings(
    exact: Copies, copies: Copies, n_images: int, grouped: bool, is_split: bool
) -> list[Finding]:
    found = []
    if exact.across_classes:
        share = exact.across_classes / n_images
        found.append(
            Finding(
                "one picture in two classes",
                "suspicious" if share >= _CONTRADICTIONS else "minor",
                "Pictures that lie in more than one class, identical to the byte: "
                f"{exact.across_classes:,}.",
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
            " Sets of copies that hold more than one class, as fakes made from real "
            f"pictures do: {copies.across_classes:,}."
            if copies.across_classes
            else ""
        ) + (
            f" Sets that hold more than one group: {copies.across_groups:,}."
            if copies.across_groups
            else ""
        )
        found.append(
            Finding(
                "copies",
                "suspicious" if bad else "minor",
                f"Files that are identical to another one: {exact.n_extra:,}. Others that "
                f"look the same as another one: {near:,}. Together {percent(share)} of "
                f"all.{across}",
                "A random division puts copies on both sides, and scores come out too high.",
                "Keep copies on one side: pass the report's groups_ to fit and to a group-wise "
                "splitter, such as StratifiedGroupKFold; on the command line, the groups.csv "
                "that skfakereal audit --out writes to skfakereal train --groups.",
            )
        )
    return found


def _count_findings(
    unreadable: Mapping[str, int], counts: Mapping[str, int]
) -> list[Finding]:
    found = []
    if any(unreadable.values()):
        listed = ", ".join(f"{n:,} of {name}" for name, n in unreadable.items())
        found.append(
            Finding(
                UNREADABLE,
                "minor",
                f"Files that cannot be read: {listed}.",
                "They were left out of all figures, and training would stop at them.",
                "Remove or replace them; the report lists them.",
            )
        )
    if max(counts.values()) > _IMBALANCE * min(counts.values()):
        listed = ", ".join(f"{n:,} of {name}" for name, n in counts.items())
        found.append(
            Finding(
                "class balance",
                "minor",
                f"The classes differ in size: {listed}.",
                "Accuracy then flatters whoever always names the larger class.",
                "Keep balanced class weights, and read balanced accuracy and ROC-AUC.",
            )
        )
    return found


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
