"""A model and images -> verdicts, and their rows."""

__all__: list[str] = []
