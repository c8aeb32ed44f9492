"""Settings of perturbations -> checked."""

__all__ = ["check_range"]


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Check a setting of a perturbation.

    Parameters
    ----------
    name : str
        What it is called.
    value : float
        What was given.
    low, high : float
        Its limits, both included.

    Raises
    ------
    ValueError
        If it is out of them, NaN, or a bool.
    """
    if isinstance(value, bool) or not low <= value <= high:
        raise ValueError(
            f"{name} must be a number from {low:g} to {high:g}, got {value!r}."
        )
