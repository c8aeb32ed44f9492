"""A model in a file, asked about image files: what the command line and the page share."""
