"""Results that are kept on the disk, by the content that they were computed from."""
