"""A model in a file, asked about image files: what the command line and the page share."""

# What a run folder holds.
MODEL_FILE = "model.skfr"
CONFIG_FILE = "config.json"  # the record of a run
CARD_FILE = "card.md"
