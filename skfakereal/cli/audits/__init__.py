"""The audit of labelled images, by itself and as a part of a training."""

__all__: list[str] = []
