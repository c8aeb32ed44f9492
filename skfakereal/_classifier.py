"""VGG16ImageClassifier: image paths in, probabilities out."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags

from skfakereal._activations import ActivationReader
from skfakereal._augmentation import Augmentation, view_settings
from skfakereal._documentation import DocumentationLink
from skfakereal._network import Dense, Network
from skfakereal._novelty import NO_SUMMARY
from skfakereal._parameters import BEFORE, check_parameters
from skfakereal._paths import ImagePaths
from skfakereal._probabilities import compute_novelty, compute_probabilities
from skfakereal._quantization import engine_to_fit, with_ranges
from skfakereal._store.store import open_store
from skfakereal._threads import prepare_tensorflow
from skfakereal._training.holdout import (
    LabelledPaths,
    draw_folds,
    draw_seeds,
    given_part,
    hold_out,
)
from skfakereal._training.linear_head import solve_head
from skfakereal._training.settings import RECIPE, held_fraction, is_solved, tail_settings
from skfakereal._trunk import Trunk, continued_tail, tail_convolutions
from skfakereal._trunk_settings import TrunkSettings, trunk_settings
from skfakereal._validation import check_class_weight, checked_paths, record_columns
from skfakereal._weights import load_trunk


class VGG16ImageClassifier(DocumentationLink, ClassifierMixin, BaseEstimator):
    """Classify image files by transfer learning on VGG16.

    A frozen VGG16 without its fully connected layers [1]_, and a head on its features: by
    default regularised logistic regression, or Dense layers with ReLU and one sigmoid unit
    (a softmax for more than two classes). X is always an array of image *paths*, of shape
    (n_images,) or (n_images, 1), never of pixels.

    Images are streamed. What the frozen part makes of an image is computed once for each
    of `n_views` augmented views and shared by all epochs: epoch *e*, counted from 0, trains
    on view ``1 + e % n_views``, and the linear head on all of them and the plain image.

    Parameters
    ----------
    image_size : int or tuple of (int, int), default=(224, 224)
        Height and width, at least 32, to which images are brought; one number is both.
    resize : {"stretch", "crop", "shrink"}, default="stretch"
        "stretch" brings each image to `image_size`, which distorts it. "crop" cuts its
        centre out without resampling it, as forensic work prefers. "shrink" resamples it
        without distortion, as far as it still covers `image_size`, and cuts the centre
        out. What a small image lacks is reflected; none is enlarged but by "stretch".
    n_crops : int, default=1
        With `resize` other than "stretch" and `trainable_from` None: how many crops, 1 to
        9, the features are averaged over, in every view and in prediction. The centre, the
        four corners (5), the middles of the sides (9: a grid); crops that would be the
        same, as an image has no more room, count once. Time grows with them.
    preprocessing : {"auto", "unit", "imagenet"}, default="auto"
        "auto": pixels in [0, 1], and behind that what the weights were trained with: for
        ImageNet's, also when they come by path, blue, green and red minus the mean colour
        (each times 255); for others, nothing, unless the metadata of their
        ``.safetensors`` file say ``input: imagenet``. "imagenet" forces that step, "unit"
        its absence.
    weights : {"imagenet", "cifake"}, path or None, default="imagenet"
        The convolutions: Keras's own, downloaded and cached by Keras; those inside this
        package, for 32x32 images (see the documentation for what they are good for); a
        ``.safetensors`` or Keras ``.h5`` file; or a random trunk, the same in every fit.
    pooling : {"correlations", "statistics", "avg", "max", "flatten"}, default="correlations"
        What the head sees. "statistics": of each channel of all 13 convolutions, the
        logarithms of 1 + mean and 1 + standard deviation over its positions, 8,448 numbers; early
        layers hold the fine traces that generators leave. "correlations": these and, in
        each of block 4's three convolutions, how 64 mixtures of its channels correlate over
        the positions, 6,048 numbers more. "avg" and "max": of each of the 512 channels behind
        the last block; "flatten": all of their values.
    standardize : bool, default=True
        Bring the features to mean 0 and standard deviation 1 over the training part (over
        its views: all that the linear head learns from, the first one for Dense layers), by the
        weights of the loss. Constant features are only centred. With
        ``pooling="correlations"``, each is limited to within 1.5 standard deviations of its
        mean, in prediction too. The fitted network has no layer for the rest: it is a part of
        the first Dense layer's weights. With `trainable_from` all of it is left out, since the
        features change in training; a warm start keeps the limits of the last fit.
    hidden_units : tuple of int, default=()
        Units of the Dense layers with ReLU. Without any, the head is linear.
    dropout : float, default=0.0
        Share of units dropped after each of them, from 0 to below 1.
    weight_decay : {"auto"} or float, default="auto"
        Half of it, times the sum of the squared kernels of the Dense layers, is added to
        the loss; biases are free, and `history_` shows the loss without it. A linear head
        is then ``LogisticRegression(C=1 / (n_rows * weight_decay))``. "auto" is 0.1 for
        Dense layers on a frozen trunk, 0 with `trainable_from`. For a linear head that is
        solved for, it tries nine from 3 to 0.00001 (times the mean weight) on held-out
        images, each with its outputs brought onto the line (a factor and an intercept) that
        suits these images best, and keeps the best with that line [2]_. Of up to 400 images,
        held-out ones also decide whether correlations, where the head sees them, and the
        statistics of the last block count for more than the rest, which few images favour.
    trainable_from : {None, "block5", "block4", "block3", "block2", "block1"}, default=None
        The first block of VGG16 that is trained along. None trains the Dense layers only.
    optimizer : {"auto", "lbfgs"} or str, default="auto"
        "lbfgs" solves for the linear head on a frozen trunk, without Keras: `learning_rate`,
        `batch_size`, `epochs` and `patience` have no effect then. "auto" is "lbfgs" where
        that is possible, and "adam" otherwise. Or the name of a Keras optimizer.
    learning_rate : float, default=0.001
        That of a Keras optimizer.
    batch_size : int, default=32
        Images in a step of training.
    epochs : int, default=50
        Largest number of passes over the training part.
    class_weight : {"balanced"}, dict or None, default="balanced"
        Weights of the classes in the loss. "balanced" makes them inversely proportional to
        the class's number of images in the training part. They shift the probabilities.
    augmentation : {"default", "shared"}, Augmentation or None, default="default"
        Settings of the views; None trains on the plain images. "shared" is
        `Augmentation.shared`: for photographs that were shrunk and saved again.
    n_views : int, default=8
        Number of different views of each image.
    early_stopping : bool, default=True
        Validate: stop when the loss of held-out images has not fallen for `patience`
        epochs, and keep the weights of the best epoch.
    validation_fraction : {"auto"} or float, default="auto"
        Share of the training data that is held out, and not trained on. "auto" is a tenth
        where that is enough to go by: 50 images for the best epoch, 1,000 for the weight
        decay of the linear head. With fewer, it cross-validates (five folds, stratified,
        groups kept together, on activations that are computed once) and then trains on all
        images, for as many epochs or with the weight decay that were best. With
        `trainable_from`, which would train each fold's convolutions, it holds out up to a
        fifth instead.
    patience : int, default=5
        Epochs without improvement.
    warm_start : bool, default=False
        Go on from the weights of the last fit instead of starting anew: to let the Dense
        layers settle first, then fine-tune with a changed `trainable_from` and a lower
        `learning_rate`. `history_` begins anew. With an int as `random_state`, both fits
        hold out the same images.
    engine : {"auto", "ncnn", "int8", "tensorflow"}, default="auto"
        What computes the frozen part, and predictions. "ncnn" does so in float32 without
        TensorFlow; "int8" in whole numbers, by ONNX Runtime. "auto" is, in `fit`, for some
        hundred images and more (334 of 224x224, views counted) TensorFlow, where it sees a
        GPU; else, from 84 on, "int8", where the processor has VNNI and `weights` are
        ImageNet's, "cifake" or None; else "ncnn". A fitted model keeps its precision,
        wherever it is loaded. So that fits on different machines agree, name an engine;
        ``verbose=1`` says what "auto" takes. For a trunk of your own, "int8" measures 32
        images in `fit`. What is not solved for is always trained by TensorFlow, on a GPU that
        it sees.
    cache : {"auto"}, path or None, default="auto"
        Where the frozen part's activations are kept for later fits and predictions: a
        folder of the user's own (``SKFAKEREAL_CACHE`` moves it or says ``off``), a given
        folder, or nowhere but in this call. With ``trainable_from="block1"`` nothing is
        kept.
    on_error : {"raise", "nan"}, default="raise"
        What `predict_proba` does about an image that it cannot read: raise, or give a row
        of NaN. `fit` and `predict` always raise.
    n_jobs : int or None, default=None
        Threads that decode images and compute; None for this process's share of the
        cores.
    random_state : int, RandomState or None, default=None
        Governs the validation part, the start of the Dense layers, shuffling and dropout;
        neither the views nor the random trunk, which have seeds of their own. Two fits
        with the same int on the same machine are equal to the bit.
    verbose : int, default=0
        Above 0: progress bars.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted; columns of `predict_proba` follow them.
    history_ : dict of str to list of float
        ``"loss"``, ``"accuracy"`` and, with validation, ``"val_loss"`` and
        ``"val_accuracy"``, one entry for each epoch, or for each weight decay that the
        linear head was solved for, the strongest first. Losses are weighted, accuracies
        not. Of a cross-validation, they are means over the images of all folds.
    n_iter_ : int
        Length of these lists.
    best_epoch_ : int
        Index into them of what was kept: the epoch, whose weights stay or which training on
        all images goes up to, or the weight decay.
    weight_decay_ : float
        The weight decay.
    oof_proba_ : ndarray of shape (n_images, n_classes)
        After a cross-validation only: the probabilities of each image of X by the fold that
        was not trained on it, to choose thresholds by or to calibrate. Where groups were
        given, none of its group was trained on either. NaN for images of weight zero.
    n_computed_ : int
        Activations (of one view of one image each) computed in this fit.
    engine_ : {"ncnn", "int8", "tensorflow"}
        What computed them. Models of earlier versions lack it.
    feature_names_in_ : ndarray of shape (1,)
        Name of the column, if X was a DataFrame.

    See Also
    --------
    VGG16FeatureExtractor : The frozen part alone, for classifiers of scikit-learn's own.

    References
    ----------
    .. [1] K. Simonyan and A. Zisserman (2015), Very deep convolutional networks for
           large-scale image recognition, ICLR.
    .. [2] E. Berta, D. Holzmuller, M. I. Jordan and F. Bach (2025), Rethinking early
           stopping: refine, then calibrate, arXiv 2501.19195.

    Examples
    --------
    >>> from skfakereal import VGG16ImageClassifier
    >>> from skfakereal.datasets import make_fake_real_images
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     images = make_fake_real_images(folder, n_images=40)
    ...     clf = VGG16ImageClassifier(image_size=(32, 32), weights="cifake", random_state=0)
    ...     clf.fit(images.data, images.target).predict_proba(images.data[:1]).shape
    (1, 2)
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
        standardize: bool = True,
        hidden_units: tuple[int, ...] = (),
        dropout: float = 0.0,
        weight_decay: float | Literal["auto"] = "auto",
        trainable_from: Literal["block5", "block4", "block3", "block2", "block1"]
        | None = None,
        optimizer: str = "auto",
        learning_rate: float = 1e-3,
        batch_size: int = 32,
        epochs: int = 50,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = "balanced",
        augmentation: Literal["default", "shared"] | Augmentation | None = "default",
        n_views: int = 8,
        early_stopping: bool = True,
        validation_fraction: float | Literal["auto"] = "auto",
        patience: int = 5,
        warm_start: bool = False,
        engine: Literal["auto", "ncnn", "int8", "tensorflow"] = "auto",
        cache: str | PathLike[str] | None = "auto",
        on_error: Literal["raise", "nan"] = "raise",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.image_size = image_size
        self.resize = resize
        self.n_crops = n_crops
        self.preprocessing = preprocessing
        self.weights = weights
        self.pooling = pooling
        self.standardize = standardize
        self.hidden_units = hidden_units
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.trainable_from = trainable_from
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.class_weight = class_weight
        self.augmentation = augmentation
        self.n_views = n_views
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.engine = engine
        self.cache = cache
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def recipe(cls, **parameters: Any) -> Self:
        """Return the classifier with the settings of the recipe that this package is named for.

        Pixels in [0, 1], the last block of VGG16 averaged, Dense layers of 256 and 128
        units on these averages as they are, Adam at 0.001, and a tenth of the images held
        out for early stopping. What the other defaults are measured against.

        Parameters
        ----------
        **parameters
            What is to be different, as the class takes it: `random_state`, say.

        Returns
        -------
        VGG16ImageClassifier
            Not fitted.

        Examples
        --------
        >>> from skfakereal import VGG16ImageClassifier
        >>> VGG16ImageClassifier.recipe(epochs=10).hidden_units
        (256, 128)
        """
        return cls(**RECIPE | parameters)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(BEFORE["VGG16ImageClassifier"] | state)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def fit(
        self,
        X: ImagePaths,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        X_val: ImagePaths | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train on image files.

        Parameters
        ----------
        X : array-like of shape (n_images,) or (n_images, 1)
            Image paths.
        y : array-like of shape (n_images,)
            Class labels, strings or integers, of at least two classes.
        sample_weight : array-like of shape (n_images,), default=None
            Weights of the images, multiplied by those of the classes. An image of weight
            zero is left out.
        groups : array-like of shape (n_images,), default=None
            Images of one group (of one origin, say) are never divided between folds, nor
            between the training part and the validation part that is drawn from X, which
            is then as near to `validation_fraction` as whole groups allow, and half of X
            at the most.
        X_val : array-like of shape (n_val,) or (n_val, 1), default=None
            Image paths to validate on, however few, instead of a part of X.
        y_val : array-like of shape (n_val,), default=None
            Their labels.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        VGG16ImageClassifier
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter, path, label or weight breaks its rule.
        TypeError
            If y is sparse.
        ImageReadError
            If any image cannot be read; it lists all of them. It is an `OSError`.
        """
        check_parameters(self.get_params(deep=False))
        images = LabelledPaths.check(X, y, sample_weight, groups)
        # Names that are refused are refused now; a fit that fails leaves those of the last.
        record_columns(copy(self), X, reset=True)
        classes = np.unique(images.labels)
        if len(classes) < 2:
            raise ValueError(
                f"At least 2 classes are needed, but y holds only one class, "
                f"{classes.tolist()[0]!r}, among the images of weight above zero."
            )
        check_class_weight(self.class_weight, classes)
        split_seed, tail_seed = draw_seeds(self.random_state)
        held = given_part(X_val, y_val, sample_weight_val, classes)
        train, folds = images, None
        solved = is_solved(self)
        if held is None and (
            self.early_stopping or (solved and self.weight_decay == "auto")
        ):
            fraction = held_fraction(self, len(images.paths), solved=solved)
            if fraction is None:
                folds = draw_folds(images.labels, images.groups, random_state=split_seed)
            else:
                train, held = hold_out(images, fraction=fraction, random_state=split_seed)
        augmentation = view_settings(self.augmentation)
        how = tail_settings(
            self, tail_seed, augmented=augmentation is not None, solved=solved
        )
        if solved:
            train_tail: Any = solve_head
        else:
            # Keras takes seconds to import, so only where it trains something.
            prepare_tensorflow()
            from skfakereal._training.tail import require_optimizer
            from skfakereal._training.train import train_tail

            require_optimizer(how.optimizer)
        trunk = load_trunk(self.weights)
        settings = trunk_settings(self, trunk.preprocessing, cut=self.trainable_from)
        n_images = len(images.paths) * (1 + how.n_views)
        engine = engine_to_fit(self, trunk, settings, n_images)
        if engine == "int8":
            settings = with_ranges(self, trunk, settings, train.paths)
        reader = self._reader(trunk, settings, augmentation, n_images, engine)
        tail = train_tail(
            how,
            self._start(trunk, settings, classes),
            classes,
            reader,
            train,
            held,
            folds,
        )
        record_columns(self, X, reset=True)
        self.classes_ = classes
        self.history_ = tail.history
        self.n_iter_ = len(tail.history["loss"])
        self.best_epoch_ = tail.best_epoch
        self.weight_decay_ = tail.weight_decay
        self.n_computed_ = reader.n_computed
        self._summary = tail.summary
        self.__dict__.pop("oof_proba_", None)  # of an earlier fit
        if tail.out_of_fold is not None:
            out_of_fold = np.full((images.n_given, len(classes)), np.nan)
            out_of_fold[images.positions] = tail.out_of_fold
            self.oof_proba_ = out_of_fold
        self.engine_ = engine
        self._trunk = trunk.before(settings.cut)
        self._settings, self._tail = settings, tail.network
        return self

    def _reader(
        self,
        trunk: Trunk,
        settings: TrunkSettings,
        augmentation: Augmentation | None = None,
        n_images: int = 0,
        engine: str | None = None,
    ) -> ActivationReader:
        return ActivationReader(
            trunk,
            settings,
            engine=engine or self.engine,
            n_images=n_images,
            store=open_store(self.cache),
            augmentation=augmentation,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def _start(
        self, trunk: Trunk, settings: TrunkSettings, classes: NDArray[Any]
    ) -> Network:
        """Return what the tail starts from: the trunk's own blocks, or the last fit."""
        if not (self.warm_start and hasattr(self, "_tail")):
            return tail_convolutions(trunk, settings)
        units = [x.kernel.shape[1] for x in self._tail.layers if isinstance(x, Dense)][:-1]
        same = (
            trunk.digest == self._trunk.digest
            and replace(settings, cut=None) == replace(self._settings, cut=None)
            and np.array_equal(classes, self.classes_)
            and units == list(self.hidden_units)
        )
        if not same:
            raise ValueError(
                "With warm_start=True, the classes, weights, hidden_units, pooling, the "
                "precision of engine and all that prepares an image must be those of the "
                "last fit. Set warm_start=False to start over."
            )
        return continued_tail(trunk, self._tail, before=self._settings, now=settings)

    def predict_proba(self, X: ImagePaths) -> NDArray[np.float64]:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_images,) or (n_images, 1)
            Image paths.

        Returns
        -------
        ndarray of shape (n_images, n_classes)
            Probabilities from 0 to 1; columns follow `classes_`. With ``on_error="nan"``
            the row of an image that cannot be read is NaN.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If X does not hold paths.
        ImageReadError
            If an image cannot be read and `on_error` is "raise"; it lists all of them.
        """
        return self._probabilities(X, keep_going=self.on_error == "nan")

    def predict(self, X: ImagePaths) -> NDArray[Any]:
        """Return the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_images,) or (n_images, 1)
            Image paths.

        Returns
        -------
        ndarray of shape (n_images,)
            Elements of `classes_`.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If X does not hold paths.
        ImageReadError
            If an image cannot be read, since a label cannot be missing.
        """
        probabilities = self._probabilities(X, keep_going=False)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def novelty(self, X: ImagePaths) -> NDArray[np.float64]:
        """Return how unlike the training images each image is.

        The probability of an image that is unlike all that the model was trained on means
        little, however sure it looks. `fit` therefore keeps a summary of the training images'
        features: means, deviations, and up to 32 principal directions, of no single image. An
        image's distance from it is Hotelling's T2 within these directions plus the squared
        residual [1]_; the novelty is the share of images like the training images whose
        distance is less. It is 1 if, and only if, the image's shorter side has less than half,
        or more than twice, the pixels of theirs, since resizing removes traces.

        Parameters
        ----------
        X : array-like of shape (n_images,) or (n_images, 1)
            Image paths.

        Returns
        -------
        ndarray of shape (n_images,)
            From 0 (as usual as can be) to 1. Of other images from where the training images
            are from, 1% have 0.99 or more. NaN for an image that cannot be read, with
            ``on_error="nan"``.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If the model has no summary, or X does not hold paths.
        ImageReadError
            If an image cannot be read and `on_error` is "raise"; it lists all of them.

        Notes
        -----
        The distances that it is compared to are those of training images that were left out
        of the summary, five folds by group; of more than 512 images, up to 1,024 others than
        those that are summarised, which are 512 at most. Models that were fitted on fewer
        than 20 images, or by an earlier version, have no summary. An image that lies among
        the training images is not unusual, however little it looks like any single one:
        faces are not, to a model of photographs of all kinds.

        References
        ----------
        .. [1] J. E. Jackson and G. S. Mudholkar (1979), Control procedures for residuals
               associated with principal component analysis, Technometrics 21(3).
        """
        paths = checked_paths(self, X)
        summary = getattr(self, "_summary", None)
        if summary is None:
            raise ValueError(NO_SUMMARY)
        reader = self._reader(self._trunk, self._settings, n_images=len(paths))
        return compute_novelty(reader, summary, paths, keep_going=self.on_error == "nan")

    def _probabilities(self, X: ImagePaths, *, keep_going: bool) -> NDArray[np.float64]:
        paths = checked_paths(self, X)
        return compute_probabilities(
            self._reader(self._trunk, self._settings, n_images=len(paths)),
            self._tail,
            paths,
            n_classes=len(self.classes_),
            keep_going=keep_going,
            summary=getattr(self, "_summary", None),  # older models have none
        )
