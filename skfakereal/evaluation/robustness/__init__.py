"""What is left of a classifier's figures when images are compressed, scaled, blurred."""
