"""What a run folder holds: the model, its card, and what was done."""

__all__: list[str] = []
