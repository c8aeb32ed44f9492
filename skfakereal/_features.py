"""VGG16FeatureExtractor: image paths in, features of the frozen trunk out."""

from copy import copy
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skfakereal._activations import ActivationReader
from skfakereal._documentation import DocumentationLink
from skfakereal._images.read import ImageReadError, raise_unreadable
from skfakereal._parameters import BEFORE, check_parameters
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._quantization import engine_to_fit, with_ranges
from skfakereal._store.store import open_store
from skfakereal._trunk import statistics_names
from skfakereal._trunk_settings import trunk_settings
from skfakereal._validation import checked_paths, record_columns
from skfakereal._weights import load_trunk


class VGG16FeatureExtractor(
    DocumentationLink, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Turn image files into the features of a frozen VGG16.

    For classifiers of scikit-learn's own:
    ``make_pipeline(VGG16FeatureExtractor(), StandardScaler(), LogisticRegression(C=0.01))``.
    X is always an array of image *paths*, of shape (n_images,) or (n_images, 1), never of
    pixels.

    Parameters
    ----------
    image_size : int or tuple of (int, int), default=(224, 224)
        Height and width, at least 32, to which images are brought; one number is both.
    resize : {"stretch", "crop", "shrink"}, default="stretch"
        Stretch each image to `image_size`, cut its centre out without resampling it, or
        shrink it before, as in `VGG16ImageClassifier`.
    n_crops : int, default=1
        How many crops, 1 to 9, the features are averaged over, as in
        `VGG16ImageClassifier`; not with ``resize="stretch"``.
    preprocessing : {"auto", "unit", "imagenet"}, default="auto"
        Pixels in [0, 1], and behind that what the weights were trained with ("auto"),
        nothing ("unit") or ImageNet's order and mean, as in `VGG16ImageClassifier`.
    weights : {"imagenet", "cifake"}, path or None, default="imagenet"
        The convolutions, as in `VGG16ImageClassifier`.
    pooling : {"correlations", "statistics", "avg", "max", "flatten"}, default="correlations"
        What becomes of the convolutions' maps, as in `VGG16ImageClassifier`.
    engine : {"auto", "ncnn", "int8", "tensorflow"}, default="auto"
        What computes the features, as in `VGG16ImageClassifier`: "auto" decides in `fit`.
    cache : {"auto"}, path or None, default="auto"
        Where the features are kept for later calls, as in `VGG16ImageClassifier`.
    on_error : {"raise", "nan"}, default="raise"
        What `transform` does about an image that it cannot read: raise, or give a row of
        NaN.
    n_jobs : int or None, default=None
        Threads that decode images and compute; None for this process's share of the
        cores.
    verbose : int, default=0
        Above 0: progress bars.

    Attributes
    ----------
    n_features_out_ : int
        Number of features: with a full VGG16, 14,496 for "correlations", 8,448 for
        "statistics" and 512 for "avg" and "max".
    engine_ : {"ncnn", "int8", "tensorflow"}
        What `fit` chose to compute them, whose precision `transform` keeps.
    feature_names_in_ : ndarray of shape (1,)
        Name of the column, if X was a DataFrame.

    See Also
    --------
    VGG16ImageClassifier : The whole network, trained with augmentation.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skfakereal import VGG16FeatureExtractor
    >>> model = make_pipeline(
    ...     VGG16FeatureExtractor(), StandardScaler(), LogisticRegression(C=0.01)
    ... )
    """

    def __init__(
        self,
        *,
        image_size: int | tuple[int, int] = (224, 224),
        resize: Literal["stretch", "crop", "shrink"] = "stretch",
        n_crops: int = 1,
        preprocessing: Literal["auto", "unit", "imagenet"] = "auto",
        weights: str | PathLike[str] | None = "imagenet",
        pooling: Literal[
            "correlations", "statistics", "avg", "max", "flatten"
        ] = "correlations",
        engine: Literal["auto", "ncnn", "int8", "tensorflow"] = "auto",
        cache: str | PathLike[str] | None = "auto",
        on_error: Literal["raise", "nan"] = "raise",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.image_size = image_size
        self.resize = resize
        self.n_crops = n_crops
        self.preprocessing = preprocessing
        self.weights = weights
        self.pooling = pooling
        self.engine = engine
        self.cache = cache
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(BEFORE["VGG16FeatureExtractor"] | state)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def fit(self, X: ImagePaths, y: Any = None) -> Self:
        """Load the weights; nothing is learned from X, and no image is opened.

        Except with ``engine="int8"`` and weights of your own, whose activations it measures
        on 32 images.

        Parameters
        ----------
        X : array-like of shape (n_images,) or (n_images, 1)
            Image paths.
        y : None
            Ignored.

        Returns
        -------
        VGG16FeatureExtractor
            The transformer itself.

        Raises
        ------
        ValueError
            If a parameter or path breaks its rule.
        OSError
            If the weights cannot be read.
        """
        check_parameters(self.get_params(deep=False))
        paths = check_paths(X)
        record_columns(copy(self), X, reset=True)
        trunk = load_trunk(self.weights)
        settings = trunk_settings(self, trunk.preprocessing)
        engine = engine_to_fit(self, trunk, settings, len(paths))
        if engine == "int8":
            settings = with_ranges(self, trunk, settings, paths)
        n_features = ActivationReader(trunk, settings).shape[0]
        # Nothing can fail from here on: what fails before leaves all of an earlier fit.
        record_columns(self, X, reset=True)
        self._trunk, self._settings, self.engine_ = trunk, settings, engine
        self.n_features_out_ = n_features
        return self

    @property
    def _n_features_out(self) -> int:
        # The name under which scikit-learn's mixin looks for it.
        return self.n_features_out_

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the features.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_features,), object
            For "statistics" and "correlations", block, layer, channel and statistic, such as
            ``"block1_conv2_channel63_log1p_std"`` or ``"block4_conv1_mixtures0_63_correlation"``;
            else a number behind the name of the class.

        Raises
        ------
        NotFittedError
            If the transformer has not been fitted.
        """
        check_is_fitted(self)
        if not self._settings.sees_all_layers:
            names: NDArray[np.object_] = super().get_feature_names_out(input_features)
            return names
        return np.array(statistics_names(self._trunk, self._settings), dtype=object)

    def transform(self, X: ImagePaths) -> NDArray[np.float32]:
        """Compute the features.

        Parameters
        ----------
        X : array-like of shape (n_images,) or (n_images, 1)
            Image paths.

        Returns
        -------
        ndarray of shape (n_images, n_features), float32
            The features; NaN in the row of an unreadable image with ``on_error="nan"``.

        Raises
        ------
        NotFittedError
            If the transformer has not been fitted.
        ValueError
            If X does not hold paths.
        ImageReadError
            If an image cannot be read and `on_error` is "raise"; it lists all of them.
        """
        paths = checked_paths(self, X)
        reader = ActivationReader(
            self._trunk,
            self._settings,
            engine=self.engine,
            n_images=len(paths),
            store=open_store(self.cache),
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
        features = np.empty((len(paths), self.n_features_out_), np.float32)
        failures: list[ImageReadError] = []
        keep_going = self.on_error == "nan"
        for batch in reader.read(paths, keep_going=keep_going):
            failures += batch.failures
            batch.write_to(features)
        if not keep_going:
            raise_unreadable(failures)
        return features
