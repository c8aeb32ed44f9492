"""Several models on the same images."""
