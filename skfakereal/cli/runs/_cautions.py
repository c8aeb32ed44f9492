"""A reminder of what the report on a model says, for those who only use it."""

from skfakereal.cli._output import complain, counted
from skfakereal.cli.runs._model import Model

__all__ = ["tell_cautions"]


def tell_cautions(model: Model) -> None:
    """Say how many cautions there are; whoever predicts may not have read the report.

    Parameters
    ----------
    model : Model
        The model.
    """
    cautions = model.config.get("remarks") or []
    if cautions:
        page = "config.json" if model.config.get("unfinished") else "report.html"
        complain(
            f"{counted(len(cautions), 'caution')} on this model: read {model.run}/{page} "
            "before you rely on what it says"
        )
