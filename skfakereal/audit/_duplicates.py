"""Fingerprints -> copies: pairs of equal images, or nearly equal, without an n x n matrix.

Candidates are images whose 64-bit perceptual hashes differ by few bits. They are found by
multi-index hashing (Norouzi, Punjani and Fleet, 2012, "Fast search in Hamming space with
multi-index hashing"): of two hashes that differ by up to 7 bits, at least one of four
bands of 16 bits differs by one bit at most (of 8 to 10 bits, most pairs are found too).
Small pictures share hashes by chance, so that every candidate is then compared at 16x16
pixels in colour.

Measured on CIFAKE's 100,000 training images of 32x32 pixels (Krizhevsky and Hinton 2009;
Bird and Lotfi 2024): 162 pairs beside 920 exact copies, none of them among the 2.5 billion
pairs of a real and a fake image, which cannot be copies of each other; so at most 1.2 false
alarms in a billion pairs (95%). Of 111 pairs looked at, 3 were doubtful, smooth skies all.
Found again were, of 251 CIFAKE images and of 80 patches of
128x128 from scikit-learn's photographs: JPEG at quality 50 or more 97 to 100%, JPEG at 30
94 to 96%, half or double size 99 to 100%, brighter by a tenth 92 to 100%, half size
and JPEG at 60 48% and 96%, cropped by 3% on each side 46% and 51%, by 6% hardly any. Plain
skies and other pictures without contrast are the ones that are missed.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Pairs = NDArray[np.intp]

_MOST_BITS = 10
_LEAST_CORRELATION = 0.97
_MOST_DIFFERENCE = 25.0  # grey levels, root mean square

_BANDS, _BAND_BITS = 4, 16
# Blank pictures share one hash; this bounds what a bucket full of them can cost.
_MOST_NEIGHBOURS = 200
_CHUNK = 1 << 14  # pairs: 50 MB of thumbnails as floats
_SHOWN = 6


def exact_pairs(digests: Sequence[bytes]) -> Pairs:
    """Pair every image with the first one of equal content."""
    first: dict[bytes, int] = {}
    pairs = [(first.setdefault(d, i), i) for i, d in enumerate(digests)]
    return np.array([p for p in pairs if p[0] != p[1]], dtype=np.intp).reshape(-1, 2)


def near_pairs(fingerprints: NDArray[np.uint64], thumbnails: NDArray[np.uint8]) -> Pairs:
    """Find images that look the same, though their files differ."""
    if len(fingerprints) < 2:
        return np.empty((0, 2), dtype=np.intp)
    brightness = thumbnails.mean(axis=1)
    close_pairs = [np.empty((0, 2), dtype=np.intp)]
    for band in range(_BANDS):
        for candidates in _candidates(fingerprints, brightness, band):
            distance = _count_bits(
                fingerprints[candidates[:, 0]] ^ fingerprints[candidates[:, 1]]
            )
            # An earlier band has brought some of them already.
            new = (distance[:, :band] > 1).all(axis=1)
            close = candidates[new & (distance.sum(axis=1) <= _MOST_BITS)]
            close_pairs.append(close[_look_alike(thumbnails, close)])
    pairs = np.sort(np.concatenate(close_pairs), axis=1)
    return np.unique(pairs, axis=0)


def _candidates(
    fingerprints: NDArray[np.uint64], brightness: NDArray[np.float64], band: int
) -> Iterator[Pairs]:
    """Yield pairs whose hashes differ by at most one bit in a band."""
    keys = (fingerprints >> np.uint64(band * _BAND_BITS)).astype(np.uint16).astype(np.int64)
    order = np.lexsort((brightness, keys))
    keys = keys[order]
    # Equal keys: every image with its followers in the bucket.
    ends = np.searchsorted(keys, keys, side="right")
    yield from _ranges(order, np.arange(len(keys)) + 1, ends)
    for bit in range(_BAND_BITS):
        other = keys ^ (1 << bit)
        once = np.flatnonzero(keys < other)
        starts = np.searchsorted(keys, other[once], side="left")
        ends = np.searchsorted(keys, other[once], side="right")
        yield from _ranges(order, starts, ends, once)


def _ranges(
    order: NDArray[np.intp],
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
    left: NDArray[np.intp] | None = None,
) -> Iterator[Pairs]:
    """Yield the pairs (left[i], j) for starts[i] <= j < ends[i], in bounded pieces."""
    left = np.arange(len(starts)) if left is None else left
    counts = np.clip(ends - starts, 0, _MOST_NEIGHBOURS)
    pieces = np.cumsum(counts) // (1 << 20)
    for piece in np.unique(pieces):
        rows = np.flatnonzero((pieces == piece) & (counts > 0))
        if not len(rows):
            continue
        n = counts[rows]
        offset = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        right = np.repeat(starts[rows], n) + offset
        yield np.column_stack([order[np.repeat(left[rows], n)], order[right]])


def _look_alike(thumbnails: NDArray[np.uint8], pairs: Pairs) -> NDArray[np.bool_]:
    alike = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), _CHUNK):
        part = pairs[start : start + _CHUNK]
        a = thumbnails[part[:, 0]].astype(np.float32)
        b = thumbnails[part[:, 1]].astype(np.float32)
        difference = np.sqrt(((a - b) ** 2).mean(axis=1))
        a -= a.mean(axis=1, keepdims=True)
        b -= b.mean(axis=1, keepdims=True)
        norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        # Blank pictures have no correlation: their difference must do.
        correlation = np.divide(
            (a * b).sum(axis=1), norm, out=np.ones(len(part), np.float32), where=norm > 0
        )
        alike[start : start + _CHUNK] = (difference <= _MOST_DIFFERENCE) & (
            correlation >= _LEAST_CORRELATION
        )
    return alike


def _count_bits(words: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the number of bits that are set in each band, shape (n_words, n_bands)."""
    octets = words.astype("<u8").view(np.uint8)
    bits = np.unpackbits(octets).reshape(-1, _BANDS, _BAND_BITS)
    return np.asarray(bits.sum(axis=2), dtype=np.intp)


def connected(n_images: int, *pairs: Pairs) -> NDArray[np.intp]:
    """Number the groups of images that pairs hold together, directly or by others."""
    links = np.concatenate([np.empty((0, 2), dtype=np.intp), *pairs])
    graph = coo_matrix(
        (np.ones(len(links), dtype=bool), (links[:, 0], links[:, 1])),
        shape=(n_images, n_images),
    )
    _, numbers = connected_components(graph, directed=False)
    return np.asarray(numbers, dtype=np.intp)


@dataclass(frozen=True)
class Copies:
    """Images that are copies of each other.

    Attributes
    ----------
    n_clusters : int
        Sets of two and more images that belong together.
    n_images : int
        Images in these sets.
    across_classes : int
        Sets that hold more than one class.
    across_groups : int
        Sets that hold more than one of the given groups; 0 where none were given.
    across_splits : dict of (str, str) to int
        For each ordered pair of splits, how many images of the first have a copy in the
        second. Empty where no split was given.
    examples : list of list of int
        Positions of the images of a few sets, those that cross most borders first.
    """

    n_clusters: int
    n_images: int
    across_classes: int
    across_groups: int
    across_splits: dict[tuple[str, str], int]
    examples: list[list[int]]

    @property
    def n_extra(self) -> int:
        """Images that would go if one of each set were kept."""
        return self.n_images - self.n_clusters


def count_copies(
    numbers: NDArray[np.intp],
    classes: NDArray[np.intp],
    groups: NDArray[np.intp] | None,
    split: NDArray[np.str_] | None,
) -> Copies:
    members: dict[int, list[int]] = defaultdict(list)
    for i in np.flatnonzero(np.bincount(numbers)[numbers] > 1):
        members[int(numbers[i])].append(int(i))
    clusters = list(members.values())

    def crosses(cluster: list[int], of: NDArray[np.intp] | NDArray[np.str_] | None) -> bool:
        return of is not None and len(np.unique(of[cluster])) > 1

    ranked = sorted(
        clusters,
        key=lambda c: (-crosses(c, split), -crosses(c, classes), -crosses(c, groups), c[0]),
    )
    return Copies(
        n_clusters=len(clusters),
        n_images=sum(map(len, clusters)),
        across_classes=sum(crosses(c, classes) for c in clusters),
        across_groups=sum(crosses(c, groups) for c in clusters),
        across_splits={} if split is None else _across_splits(numbers, split),
        examples=[cluster[:4] for cluster in ranked[:_SHOWN]],
    )


def _across_splits(
    numbers: NDArray[np.intp], split: NDArray[np.str_]
) -> dict[tuple[str, str], int]:
    held = {name: numbers[split == name] for name in np.unique(split).tolist()}
    return {(a, b): int(np.isin(held[a], held[b]).sum()) for a, b in permutations(held, 2)}
