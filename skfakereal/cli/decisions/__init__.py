"""From which probability on an image is called fake, and how sure that is."""

__all__: list[str] = []
