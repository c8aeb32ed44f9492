"""Images of unknown origin, and where nothing can be said of them."""
