"""A run folder or a model file -> a fitted classifier, and what its classes are called."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.classes import class_names, positive_class, usual_names
from skfakereal._judging import CONFIG_FILE, MODEL_FILE

# What a run folder may hold instead, if its model was exchanged by hand. It is only loaded
# where it is named, since that runs code: whoever names a folder trusts in no code.
_OTHER_FILE = "model.joblib"
# Names that say that a file is a pickle; no other file is ever loaded as one.
_PICKLES = (".joblib", ".pkl")


@dataclass(frozen=True)
class Model:
    """A fitted classifier over image paths."""

    estimator: Any
    names: tuple[str, ...]  # what its ``classes_`` are called, in their order
    # Position of the class that probabilities and figures speak of; None with more than two
    # classes.
    positive: int | None
    run: Path | None = None  # the run folder that it comes from
    # What that folder, or the file itself, records of the run.
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> NDArray[Any]:
        """The labels, as the estimator calls them."""
        return np.asarray(self.estimator.classes_)

    @property
    def pos_label(self) -> Any:
        """The positive class as the estimator calls it; None with more than two."""
        return None if self.positive is None else self.classes.tolist()[self.positive]

    @property
    def pos_name(self) -> str | None:
        """The positive class as users call it; None with more than two."""
        return None if self.positive is None else self.names[self.positive]


def load_model(
    place: str,
    *,
    pos_label: str | None = None,
    names: Sequence[str] | None = None,
    only_predict: bool = False,
    trust: bool = False,
) -> Model:
    """Load a model. A joblib file runs whatever code it holds, a ``.skfr`` file none.

    `names` are in the order of ``classes_``; None takes those that the run folder or the file
    tells, else "real" and "fake" for 0 and 1, else the labels. With `only_predict`, a
    ``.skfr`` file mostly needs no scikit-learn.
    """
    path = Path(place)
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(_no_file(file))
    if file.suffix.lower() not in _PICKLES:
        estimator, metadata = _load_skfr(file, only_predict)
    elif trust:
        estimator, metadata = _load_joblib(file), {}
    else:
        raise ValueError(
            f"{str(file)!r} is a joblib file, and loading one runs any code in it. If you trust "
            "its maker, add --trust; if not, ask for a .skfr file (skfakereal.save), which runs "
            "none."
        )
    _check_classifier(estimator, file)
    run = _read_config(file) if file.name in (MODEL_FILE, _OTHER_FILE) else {}
    config = run or _trusted(metadata)
    if names is None:
        names = config.get("data", {}).get("classes")
        n_classes = len(estimator.classes_)
        if names is not None and not n_classes == len(names) == len({*names}):
            teller = file.parent / CONFIG_FILE if run else file
            raise ValueError(
                f"{str(teller)!r} must name the model's {n_classes} classes, each once, but "
                f"names {short(names)}. Restore it."
            )
    class_names_ = name_classes(estimator.classes_, names)
    positive = _positive(estimator.classes_, class_names_, pos_label)
    model = Model(estimator, class_names_, positive, file.parent if run else None, config)
    if not _is_of_its_threshold(model):
        own = {"decision": _trusted(metadata).get("decision")}
        model = replace(model, config=config | own)
    return model


def model_of(
    estimator: Any, *, pos_label: str | None = None, names: Sequence[str] | None = None
) -> Model:
    """Return a fitted classifier in memory as a model."""
    from skfakereal._classifying.ask import check_classifier

    check_classifier(estimator)
    named = name_classes(estimator.classes_, names)
    return Model(estimator, named, _positive(estimator.classes_, named, pos_label))


def _no_file(file: Path) -> str:
    message = (
        f"MODEL must be a folder that `skfakereal train` made, with {MODEL_FILE} in it, or a "
        f".skfr file, or with --trust a .joblib or .pkl file, but there is no file "
        f"{str(file)!r}."
    )
    other = file.with_name(_OTHER_FILE)
    if other.is_file():
        message += (
            f" If you trust the maker of {str(other)!r}, which can run code, name that and "
            "add --trust."
        )
    return message


def _load_skfr(file: Path, only_predict: bool) -> tuple[Any, dict[str, Any]]:
    from skfakereal.persistence import load_with_metadata

    try:
        return load_with_metadata(file, only_predict=only_predict)
    except ValueError as error:
        if file.suffix.lower() == ".skfr":
            raise
        raise ValueError(
            f"{error} Only a file whose name ends in .joblib or .pkl is loaded as a pickle, "
            "and only with --trust."
        ) from error


def _load_joblib(file: Path) -> Any:
    import joblib

    try:
        return joblib.load(file)
    except Exception as error:  # a pickle can raise anything
        what = f"{type(error).__name__}: {str(error)[:300]}"
        raise ValueError(
            f"{str(file)!r} cannot be loaded as a joblib file ({what}). A model needs the "
            "versions of Python and of the packages that it was saved with."
        ) from error


def _check_classifier(estimator: Any, file: Path) -> None:
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"{str(file)!r} must hold a fitted classifier, but holds an object of type "
            f"{type(estimator).__name__}."
        )
    if hasattr(estimator, "fit"):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(estimator)
    if not hasattr(estimator, "classes_"):
        raise TypeError(
            f"{str(file)!r} must hold a classifier, but its {type(estimator).__name__} has "
            "no classes_."
        )


def describe_for_file(names: Sequence[str], decision: Any) -> dict[str, Any]:
    """Return what a model file says beside the model, so that it is complete by itself."""
    return {"classes": list(names), "decision": decision}


def _trusted(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what a file says of itself as a run's config, unless it is not what we write.

    Whoever made the file may have written anything there.
    """
    names, decision = metadata.get("classes"), metadata.get("decision")
    config: dict[str, Any] = {}
    if isinstance(names, list) and all(
        isinstance(name, str) and name.isprintable() and len(name) <= 1000 for name in names
    ):
        config["data"] = {"classes": names}
    if isinstance(decision, dict) and _is_band(decision.get("unsure")):
        config["decision"] = {
            "unsure": decision["unsure"],
            "pos_label": decision.get("pos_label"),
        }
    return config


def _is_band(numbers: Any) -> bool:
    return (
        isinstance(numbers, dict)
        and numbers.keys() == {"low", "high", "precision", "n_images", "share_unsure"}
        and all(map(_is_number, numbers.values()))
        and 0 <= numbers["low"] <= numbers["high"] <= 1
    )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e15


def _read_config(file: Path) -> dict[str, Any]:
    record = file.parent / CONFIG_FILE
    try:
        config = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(config, dict) or "skfakereal" not in config:
        return {}  # another program's
    if not _is_record(config):
        raise ValueError(
            f"{str(record)!r} is damaged. Restore it, or move it away: the class names then come "
            "from the model itself."
        )
    return config


# What is read of a decision; whatever is missing or None is not known.
_NUMBERS = (
    *("threshold", "n_positive", "n_negative", "unsure_precision"),
    *("true_positive_rate", "false_positive_rate"),
)
_TEXTS = ("pos_label", "reason", "calibration", "refused", "no_unsure_band")


def _is_record(config: dict[str, Any]) -> bool:
    """Tell whether a run's config holds what is read of it in the form in which it is read."""
    data, remarks = config.get("data", {}), config.get("remarks", [])
    decision = config.get("decision") or {}
    if not isinstance(data, dict) or not isinstance(decision, dict):
        return False
    forms: dict[str, Callable[[Any], bool]] = {
        **dict.fromkeys(_NUMBERS, _is_number),
        **dict.fromkeys(_TEXTS, lambda value: isinstance(value, str)),
        "false_positive_interval": _is_interval,
        "unsure": _is_band,
    }
    known = {key: decision[key] for key in forms if decision.get(key) is not None}
    return (
        all(_are_texts(each) for each in (data.get("classes", []), remarks))
        and all(_are_counts(data.get(part, {})) for part in ("train", "validation", "test"))
        and isinstance(config.get("training", {}), dict)
        and all(forms[key](value) for key, value in known.items())
    )


def _is_interval(values: Any) -> bool:
    return isinstance(values, list) and len(values) == 2 and all(map(_is_number, values))


def _are_counts(values: Any) -> bool:
    return isinstance(values, dict) and all(map(_is_number, values.values()))


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def name_classes(classes: Any, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return what the classes are called."""
    given = usual_names(classes) if names is None else names
    return class_names(np.asarray(classes), given)


def _positive(classes: Any, names: tuple[str, ...], pos_label: str | None) -> int | None:
    if pos_label is None:
        return positive_class(np.asarray(classes), names)
    if pos_label not in names:
        raise ValueError(
            f"--pos-label must be one of the classes {short(list(names))}, got {pos_label!r}."
        )
    return names.index(pos_label)


def _is_of_its_threshold(model: Model) -> bool:
    """Tell whether a run's record speaks of the threshold of the model that lies in its folder.

    If the file was exchanged, or the record edited, its error rates are those of another.
    """
    decision, own = model.config.get("decision") or {}, find_decision(model)
    threshold, name = decision.get("threshold"), decision.get("pos_label")
    if own is None or threshold is None or name not in model.names:
        return True
    return math.isclose(
        threshold if name == own[0] else 1 - threshold, own[1], abs_tol=1e-6
    )


def find_decision(model: Model) -> tuple[str, float] | None:
    """Return a class, and from which probability of it on an image belongs to it, if known."""
    if len(model.names) != 2:
        return None
    from skfakereal.persistence import Detector

    estimator, positive = model.estimator, 1 if model.positive is None else model.positive
    if isinstance(estimator, Detector):
        if estimator.threshold is None:
            return model.names[positive], 0.5
        return model.names[estimator.positive], estimator.threshold
    from skfakereal._classifier import VGG16ImageClassifier
    from skfakereal._classifying.unwrap import find_threshold, has_threshold

    if isinstance(estimator, VGG16ImageClassifier):
        return model.names[positive], 0.5
    threshold = find_threshold(estimator)
    if threshold is None or not has_threshold(estimator):
        return None
    if estimator.response_method == "decision_function":
        return None
    labels = estimator.classes_.tolist()
    name = estimator.pos_label if estimator.pos_label is not None else labels[1]
    return model.names[labels.index(name)], threshold
