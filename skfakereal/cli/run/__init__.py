"""What a run folder is: how it is written, and what it holds besides the model."""
