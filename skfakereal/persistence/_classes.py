"""What may be in a file: a closed list of classes, each with its attributes, and functions.

A file names only what stands here, under the names that stand here; nothing else is ever
looked up, so that loading one imports and runs nothing of its maker's choosing. The idea of
a list of trusted types is that of skops.io (https://skops.readthedocs.io); ours cannot be
extended by whoever loads.
"""

import ntpath
from collections.abc import Callable, Mapping
from importlib import import_module
from numbers import Integral
from typing import Any

import numpy as np

# What any estimator may have beside its parameters.
COMMON = frozenset(
    [
        "classes_",
        "n_features_in_",
        "feature_names_in_",
        "_n_features_out",
        "_sklearn_output_config",
        "_metadata_request",
    ]
)

# What only a fit that is under way needs; the next one makes it anew.
NOT_KEPT = frozenset(["_skl_callbacks"])

_LINEAR = "coef_ intercept_ n_iter_"
_SGD = (
    f"{_LINEAR} t_ _expanded_class_weight _standard_coef _standard_intercept "
    "_average_coef _average_intercept"
)
_SVC = (
    "support_ support_vectors_ dual_coef_ intercept_ n_iter_ class_weight_ fit_status_ "
    "shape_fit_ _n_support _probA _probB _dual_coef_ _intercept_ _gamma _num_iter _sparse "
    "_effective_probability"
)
_PCA = (
    "components_ mean_ noise_variance_ n_samples_ n_components_ explained_variance_ "
    "explained_variance_ratio_ singular_values_ _fit_svd_solver"
)
_COUNTS = "class_count_ feature_count_ feature_log_prob_ class_log_prior_"
_SELECTED = "scores_ pvalues_ n_features_"

# Estimators, with the attributes that they may have beside those in COMMON and beside their
# parameters, which scikit-learn checks by itself.
_WRITTEN = {
    "skfakereal.Augmentation": "",
    "skfakereal.VGG16FeatureExtractor": "engine_ n_features_out_ _trunk _settings",
    "skfakereal.VGG16ImageClassifier": (
        "history_ n_iter_ best_epoch_ weight_decay_ oof_proba_ n_computed_ engine_ _trunk "
        "_settings _tail _summary"
    ),
    "sklearn.calibration.CalibratedClassifierCV": "calibrated_classifiers_",
    "sklearn.calibration._SigmoidCalibration": "a_ b_",
    "sklearn.calibration._TemperatureScaling": "beta_",
    "sklearn.decomposition.PCA": _PCA,
    "sklearn.frozen.FrozenEstimator": "",
    "sklearn.isotonic.IsotonicRegression": (
        "X_min_ X_max_ X_thresholds_ y_thresholds_ increasing_"
    ),
    "sklearn.linear_model.LogisticRegression": _LINEAR,
    "sklearn.linear_model.RidgeClassifier": f"{_LINEAR} solver_ _label_binarizer",
    "sklearn.model_selection.FixedThresholdClassifier": "estimator_",
    "sklearn.model_selection.TunedThresholdClassifierCV": (
        "estimator_ best_threshold_ best_score_ cv_results_ _curve_scorer"
    ),
    "sklearn.pipeline.Pipeline": "",
    "sklearn.preprocessing.LabelBinarizer": "y_type_ sparse_input_",
    "sklearn.preprocessing.MaxAbsScaler": "n_samples_seen_ max_abs_ scale_",
    "sklearn.preprocessing.MinMaxScaler": (
        "n_samples_seen_ scale_ min_ data_min_ data_max_ data_range_"
    ),
    "sklearn.preprocessing.RobustScaler": "center_ scale_",
    "sklearn.preprocessing.StandardScaler": "n_samples_seen_ mean_ var_ scale_",
}
# Read for one more release, with a warning, and no longer written: the list of these aged with
# every release of scikit-learn, by private attributes.
_ONLY_READ = {
    "sklearn.decomposition.TruncatedSVD": _PCA,
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": (
        f"{_LINEAR} priors_ means_ xbar_ covariance_ scalings_ explained_variance_ratio_ "
        "_max_components"
    ),
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis": (
        "priors_ means_ covariance_ scalings_ rotations_"
    ),
    "sklearn.dummy.DummyClassifier": (
        "n_classes_ n_outputs_ class_prior_ sparse_output_ _strategy"
    ),
    "sklearn.ensemble.BaggingClassifier": (
        "estimator_ estimators_ estimators_features_ n_classes_ oob_score_ "
        "oob_decision_function_ _seeds _n_samples _max_samples _max_features _sample_weight"
    ),
    "sklearn.ensemble.StackingClassifier": (
        "estimators_ named_estimators_ final_estimator_ stack_method_ _label_encoder "
        "_n_feature_outs"
    ),
    "sklearn.ensemble.VotingClassifier": "estimators_ named_estimators_ le_",
    "sklearn.feature_selection.SelectKBest": _SELECTED,
    "sklearn.feature_selection.SelectPercentile": _SELECTED,
    "sklearn.feature_selection.VarianceThreshold": "variances_",
    "sklearn.linear_model.LogisticRegressionCV": (
        f"{_LINEAR} Cs_ C_ l1_ratio_ l1_ratios_ scores_ coefs_paths_"
    ),
    "sklearn.linear_model.Perceptron": _SGD,
    "sklearn.linear_model.RidgeClassifierCV": (
        f"{_LINEAR} alpha_ best_score_ cv_results_ _label_binarizer"
    ),
    "sklearn.linear_model.SGDClassifier": _SGD,
    "sklearn.multiclass.OneVsRestClassifier": "estimators_ label_binarizer_",
    "sklearn.naive_bayes.BernoulliNB": _COUNTS,
    "sklearn.naive_bayes.GaussianNB": "epsilon_ theta_ var_ class_count_ class_prior_",
    "sklearn.neighbors.KNeighborsClassifier": (
        "outputs_2d_ effective_metric_ effective_metric_params_ n_samples_fit_ _y _fit_X "
        "_fit_method _tree"
    ),
    "sklearn.neighbors.NearestCentroid": (
        "centroids_ class_prior_ deviations_ within_class_std_dev_"
    ),
    "sklearn.neural_network.MLPClassifier": (
        "coefs_ intercepts_ n_layers_ n_outputs_ n_iter_ t_ out_activation_ loss_ "
        "loss_curve_ best_loss_ validation_scores_ best_validation_score_ "
        "_label_binarizer _no_improvement_count"
    ),
    "sklearn.pipeline.FeatureUnion": "",
    "sklearn.preprocessing.LabelEncoder": "",
    "sklearn.preprocessing.Normalizer": "",
    "sklearn.preprocessing.PowerTransformer": "lambdas_ _scaler",
    "sklearn.preprocessing.QuantileTransformer": "n_quantiles_ references_ quantiles_",
    "sklearn.svm.LinearSVC": _LINEAR,
    "sklearn.svm.NuSVC": _SVC,
    "sklearn.svm.SVC": _SVC,
}
ONLY_READ = frozenset(_ONLY_READ)
ESTIMATORS = {
    name: COMMON | frozenset(attributes.split())
    for name, attributes in (_WRITTEN | _ONLY_READ).items()
}

_SPLITS = "n_splits shuffle random_state"
_SHUFFLED = "n_splits test_size train_size random_state _default_test_size"
_SCORER = "_score_func _sign _kwargs _response_method _metadata_request _deprecation_msg"

# What estimators are made of, or take, without being one: all their attributes.
_PARTS = {
    "skfakereal.Carry": "shape",
    "skfakereal.Clip": "low high",
    "skfakereal.Conv": "kernel bias",
    "skfakereal.Dense": "kernel bias activation",
    "skfakereal.FeatureSummary": (
        "mean scale directions variances residual quantiles tail n_reference sides"
    ),
    "skfakereal.Flatten": "",
    "skfakereal.GlobalPool": "kind",
    "skfakereal.MaxPool": "",
    "skfakereal.Network": "layers",
    "skfakereal.Statistics": "with_maps correlated",
    "skfakereal.Trunk": "source name n_blocks digest arrays missing",
    "skfakereal.TrunkSettings": "image_size resize preprocessing pooling cut n_crops ranges",
    "sklearn.calibration._CalibratedClassifier": "estimator calibrators classes method",
    "sklearn.metrics._scorer._CurveScorer": f"{_SCORER} _thresholds",
    "sklearn.metrics._scorer._Scorer": _SCORER,
    "sklearn.model_selection.GroupKFold": _SPLITS,
    "sklearn.model_selection.KFold": _SPLITS,
    "sklearn.model_selection.ShuffleSplit": _SHUFFLED,
    "sklearn.model_selection.StratifiedGroupKFold": _SPLITS,
    "sklearn.model_selection.StratifiedKFold": _SPLITS,
    "sklearn.model_selection.StratifiedShuffleSplit": _SHUFFLED,
    "sklearn.utils.metadata_routing.MetadataRequest": "owner requests",
}
PARTS = {name: frozenset(attributes.split()) for name, attributes in _PARTS.items()}

_METRICS = (
    "accuracy_score average_precision_score balanced_accuracy_score brier_score_loss "
    "cohen_kappa_score f1_score fbeta_score jaccard_score log_loss matthews_corrcoef "
    "precision_score recall_score roc_auc_score zero_one_loss"
)
FUNCTIONS = frozenset(
    [
        *[f"sklearn.metrics.{name}" for name in _METRICS.split()],
        # Of what is only read.
        "sklearn.feature_selection.chi2",
        "sklearn.feature_selection.f_classif",
        "sklearn.feature_selection.mutual_info_classif",
    ]
)


# Ours by module: the names in files stay where modules are renamed.
_MODULES = {
    "_trunk_settings": ("TrunkSettings",),
    "_classifier": ("VGG16ImageClassifier",),
    "_features": ("VGG16FeatureExtractor",),
    "_network": (
        *("Carry", "Clip", "Conv", "Dense", "Flatten", "GlobalPool", "MaxPool", "Network"),
        "Statistics",
    ),
    "_novelty": ("FeatureSummary",),
    "_trunk": ("Trunk",),
    "_augmentation": ("Augmentation",),
}
_HOMES = {
    f"skfakereal.{name}": f"skfakereal.{module}"
    for module, names in _MODULES.items()
    for name in names
}
# scikit-learn's methods for which metadata can be requested.
REQUEST_METHODS = (
    "fit",
    "partial_fit",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score",
    "split",
    "transform",
    "inverse_transform",
)


def resolve(name: str) -> Any:
    """Import a class or function of the list."""
    if not (name in ESTIMATORS or name in PARTS or name in FUNCTIONS):
        raise ValueError(f"{name[:100]!r} is not allowed in a file")
    home, _, own = name.rpartition(".")
    try:
        return getattr(import_module(_HOMES.get(name, home)), own)
    except (AttributeError, ImportError) as error:
        raise ValueError(f"this version of scikit-learn has no {name}") from error


def name_of(kind: type) -> str | None:
    """Return the name of a class in files."""
    for name in _WRITTEN | PARTS:
        same_package = name.partition(".")[0] == kind.__module__.partition(".")[0]
        if same_package and name.endswith(f".{kind.__name__}") and resolve(name) is kind:
            return name
    return None


_MAX_UNITS = 2**20
_MAX_LAYERS = 100


def check_file_parameters(name: str, params: Mapping[str, Any]) -> None:
    """Refuse parameters that would make a later `fit` touch places of the maker's choice.

    A ``memory``, say, is a folder of pickles, which the next `fit` would load.
    """
    ours = name.startswith("skfakereal.")
    for key, (wanted, holds) in (_RULES | (_OUR_RULES if ours else {})).items():
        if key in params and not holds(params[key]):
            raise ValueError(f"{key} of {name} must be {wanted} in a file")


def _is_file_name(value: Any) -> bool:
    # Windows's rule knows both slashes and the colon of a drive.
    return value is None or (
        isinstance(value, str) and ntpath.basename(value) == value not in ("", ".", "..")
    )


def _is_worker_count(value: Any) -> bool:
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    return value is None or (is_integer and abs(int(value)) <= 1024)


def _is_short(value: Any) -> bool:
    # An array may be as long as the file.
    return not hasattr(value, "__len__") or len(value) <= _MAX_LAYERS


def _are_layers(value: Any) -> bool:
    return (
        isinstance(value, tuple | list | np.ndarray)
        and _is_short(value)
        and all(isinstance(units, Integral) and units <= _MAX_UNITS for units in value)
    )


def _is_cache(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value == "auto")


_Rules = dict[str, tuple[str, Callable[[Any], bool]]]
_RULES: _Rules = {
    "memory": ("None", lambda value: value is None),
    "n_jobs": ("None or a number up to 1024", _is_worker_count),
}
_OUR_RULES: _Rules = {
    "cache": ("'auto' or None", _is_cache),
    "hidden_units": (
        f"at most {_MAX_LAYERS} numbers up to {_MAX_UNITS}",
        _are_layers,
    ),
    "image_size": ("one or two numbers", _is_short),
    "optimizer": (
        "a name",
        lambda value: isinstance(value, str) and value.isidentifier() and value[0] != "_",
    ),
    "weights": ("a name without a folder, or None", _is_file_name),
}
