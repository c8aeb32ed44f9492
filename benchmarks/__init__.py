"""Measurements behind the decisions of the project; none of it is installed."""
