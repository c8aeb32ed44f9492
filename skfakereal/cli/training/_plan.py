"""What is to be trained on what, and where it goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from skfakereal.cli.decisions._decision_plan import DecisionPlan

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """What is to be trained on what, and where it goes.

    Parameters
    ----------
    folder : str
        The labelled images, as `load_image_folder` takes them.
    out : str
        The run folder.
    parameters : dict of str to object
        Those of the estimator that differ from its defaults.
    command_line : sequence of str
        The words that asked for it, for the record.
    classes : sequence of str, default=("real", "fake")
        The class folders.
    test_fraction : float, default=0.2
        Share of the images that is held out for the test, where the folder has no test
        part.
    use_groups : bool, default=True
        Whether to keep groups together.
    groups_file : str or None, default=None
        A file that tells the groups; None for the folders below the classes.
    random_state : int, default=0
        Seed of the test part's draw, and the estimator's own.
    decision : DecisionPlan, default=DecisionPlan()
        How threshold, calibration and unsure band are to be chosen.
    skip_unreadable : bool, default=False
        Whether to leave out training images that cannot be read.
    force : bool, default=False
        Whether an earlier run may be replaced.
    progress : bool, default=False
        Whether to show bars.
    audit : bool, default=True
        Whether to audit the images first.
    title : str, default="Fake or real?"
        Heading of the page.
    cautions : sequence of str, default=()
        What a reader must know before any figure.
    """

    folder: str
    out: str
    parameters: dict[str, Any]
    command_line: Sequence[str]
    classes: Sequence[str] = ("real", "fake")
    test_fraction: float = 0.2
    use_groups: bool = True
    groups_file: str | None = None
    random_state: int = 0
    decision: DecisionPlan = field(default_factory=DecisionPlan)
    skip_unreadable: bool = False
    force: bool = False
    progress: bool = False
    audit: bool = True
    title: str = "Fake or real?"
    cautions: Sequence[str] = ()
