"""Activations at the cut and labels -> a trained tail."""
