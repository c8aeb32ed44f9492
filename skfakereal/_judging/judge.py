"""A model and image files -> what pages and the API tell of each."""

import base64
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skfakereal._classifying.ask import Classification, told
from skfakereal._classifying.unwrap import find_threshold
from skfakereal._files import digest_of
from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._judging import CARD_FILE, MODEL_FILE
from skfakereal._judging.model import Model
from skfakereal._judging.verdicts import band_of, classify, classify_stably
from skfakereal._novelty import rounded
from skfakereal._version import __version__
from skfakereal.provenance import Provenance, read_provenance

if TYPE_CHECKING:
    from skfakereal.evaluation import UnsureBand


# Few enough that answers come soon, and that another page gets its turn.
_AT_ONCE = 8
_THUMBNAIL = 192  # pixels of a side


@dataclass(frozen=True)
class Item:
    """One image, or why there is none."""

    # As its sender calls it: shown, and never a path of this machine.
    name: str
    path: str = ""
    error: str = ""


@dataclass(frozen=True)
class Judged:
    """What there is to tell of one image."""

    item: Item
    row: dict[str, Any]
    provenance: Provenance


class Judge:
    """A model that is loaded once, and answers for one chunk of images at a time."""

    def __init__(self, model: Model, place: str | None = None) -> None:
        self.model = model
        self.band: UnsureBand | None = band_of(model)
        # None: a model in memory, that never was in a file.
        path = None if place is None else Path(place).resolve()
        self.file = path / MODEL_FILE if path is not None and path.is_dir() else path
        # A classifier without probabilities has a verdict, and nothing that could change.
        has_probability = hasattr(model.estimator, "predict_proba")
        self.can_be_unsure = has_probability and len(model.names) == 2
        self.sha256 = None if self.file is None else digest_of(self.file)
        decision = model.config.get("decision") or {}
        self.threshold = find_threshold(model.estimator)
        if self.threshold is None and self.can_be_unsure:
            self.threshold = 0.5
        self.decision = decision if self._speaks_of_positive(decision) else {}
        # Now, since another run may take its place while this model answers.
        self.card = self._read_card()

    def _speaks_of_positive(self, decision: dict[str, Any]) -> bool:
        return (
            self.positive is not None
            and decision.get("pos_label") == self.positive
            and decision.get("false_positive_rate") is not None
        )

    @property
    def positive(self) -> str | None:
        """The class whose probability is told; None for that of the label."""
        return self.model.pos_name

    def facts(self) -> dict[str, Any]:
        """Return what there is to know of the model."""
        decision = self.decision
        return {
            "name": self._name(),
            "sha256": self.sha256,
            "version": __version__,
            "made": self.model.config.get("date"),
            "classes": list(self.model.names),
            "positive": self.positive,
            "threshold": self.threshold,
            "false_positive_rate": decision.get("false_positive_rate"),
            "false_positive_interval": decision.get("false_positive_interval"),
            "true_positive_rate": decision.get("true_positive_rate"),
            "n_validation": [decision.get("n_negative"), decision.get("n_positive")],
            "can_be_unsure": self.can_be_unsure,
            "cautions": list(self.model.config.get("remarks") or []),
        }

    def _name(self) -> str:
        if self.file is None:
            return f"a {type(self.model.estimator).__name__} in memory"
        is_run = self.file.name == MODEL_FILE
        return self.file.parent.name if is_run else self.file.name

    def _read_card(self) -> str:
        """Return the text of the run's model card, if it has one."""
        if self.model.run is None:
            return ""
        try:
            text = (self.model.run / CARD_FILE).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
        front, mark, rest = text.removeprefix("---\n").partition("\n---\n")
        return (rest if mark else front).strip()

    def chunks(
        self, items: Iterable[Item], *, stable: bool, thumbnails: bool
    ) -> Iterator[list[Judged]]:
        """Judge a few images at a time, and remove their files."""
        items = iter(items)
        while chunk := list(islice(items, _AT_ONCE)):
            yield self.judge_all(chunk, stable=stable, thumbnails=thumbnails)
            for item in chunk:
                if item.path:
                    Path(item.path).unlink(missing_ok=True)

    def judge(self, item: Item, *, stable: bool) -> Judged:
        """Judge one image, and leave its file."""
        return self.judge_all([item], stable=stable)[0]

    def judge_all(
        self, items: list[Item], *, stable: bool, thumbnails: bool = False
    ) -> list[Judged]:
        """Judge a few images, and leave their files."""
        paths = [item.path for item in items if item.path]
        answers = self._answers(paths, stable and self.can_be_unsure)
        return [self._one(item, answers.get(item.path), thumbnails) for item in items]

    def _answers(self, paths: list[str], stable: bool) -> dict[str, Any]:
        try:
            if stable:
                found = list(classify_stably(self.model, paths, self.band))
            else:
                found = [(v, None, ()) for v in classify(self.model.estimator, paths)]
        except Exception as error:  # one image must not cost the others their verdicts
            if len(paths) != 1:
                return {
                    p: a for path in paths for p, a in self._answers([path], stable).items()
                }
            what = f"cannot be judged by this model: {type(error).__name__}: {error}"
            found = [(Classification(paths[0], error=what[:500]), None, ())]
        return dict(zip(paths, found, strict=True))

    def _side(self, verdict: str, probability: float | None) -> str | None:
        """Return the label of an image that was tried with changes, unsure or not."""
        if verdict in self.model.names or probability is None or self.threshold is None:
            return verdict
        is_positive = probability >= self.threshold
        return next(n for n in self.model.names if (n == self.positive) == is_positive)

    def _one(self, item: Item, answer: Any, thumbnails: bool) -> Judged:
        said, facts = Provenance(item.path), dict[str, Any]()
        label, probability, verdict, reasons, error = None, None, None, (), item.error
        novelty: float | None = None
        if item.path:
            said = read_provenance(item.path)
            facts = _file_facts(item.path, thumbnails)
        if answer is not None:
            found, verdict, reasons = answer
            label, probability = told(found, self.model.names, self.model.positive)
            error = found.error
            novelty = rounded(found.novelty)
            if verdict is not None:
                label = self._side(verdict, probability)
        row: dict[str, Any] = {
            "name": item.name,
            "verdict": verdict or label,
            "label": label,
            "probability": probability,
            "threshold": self.threshold,
            "reasons": list(reasons),
            "novelty": novelty,
            "provenance": said.claim or None,
            "provenance_detail": said.detail or None,
            "sha256": None,
            "bytes": None,
            "width": None,
            "height": None,
            "error": error or None,
        }
        return Judged(item, row | facts, said)


def _file_facts(path: str, thumbnail: bool) -> dict[str, Any]:
    """Return digest and size of a file, and a small copy of its picture without metadata."""
    facts: dict[str, Any] = {"thumbnail": None} if thumbnail else {}
    try:
        data = read_bytes(path)
        facts |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        image = decode_image(data, path)
    except ImageReadError:  # the row says so
        return facts
    facts |= {"width": image.width, "height": image.height}
    if thumbnail:
        small = max(image.size) <= _THUMBNAIL
        image.thumbnail((_THUMBNAIL, _THUMBNAIL))
        buffer, kind = io.BytesIO(), "png" if small else "jpeg"
        image.save(buffer, kind)
        encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
        facts["thumbnail"] = f"data:image/{kind};base64,{encoded}"
    return facts
