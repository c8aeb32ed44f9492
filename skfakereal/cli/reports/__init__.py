"""Measurements -> the pages, pictures and files that a run leaves."""

__all__: list[str] = []
