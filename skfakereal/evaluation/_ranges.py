"""Settings of perturbations -> checked."""


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Check a setting of a perturbation."""
    if isinstance(value, bool) or not low <= value <= high:
        raise ValueError(
            f"{name} must be a number from {low:g} to {high:g}, got {value!r}."
        )
