"""Image files: what is read, what it costs, whether it is whole."""
