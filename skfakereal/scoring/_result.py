"""What a run has come to, in numbers."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ScoringResult:
    """What a run of `score_paths` has come to.

    Parameters
    ----------
    path : Path
        The file with a row for each image.
    n_images : int
        How many rows it has.
    n_before : int
        How many different images had been scored before by runs that were cut off.
    n_scored : int
        How many different images were scored now.
    labels : dict of str to int
        How many rows have each label.
    errors : dict of str to int
        How many rows have no label, by the code of the reason.
    model : str
        The classifier's digest, 40 hexadecimal digits; the file's column ``model`` has the
        first 16.
    """

    path: Path
    n_images: int
    n_before: int
    n_scored: int
    labels: dict[str, int]
    errors: dict[str, int]
    model: str
