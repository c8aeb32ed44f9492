"""A folder of labelled images -> a trained detector in a run folder."""

__all__: list[str] = []
