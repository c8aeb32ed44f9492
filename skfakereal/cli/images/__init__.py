"""What the user names -> images, and parts of them."""

__all__: list[str] = []
