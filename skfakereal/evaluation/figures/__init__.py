"""Predictions -> figures and their intervals: numbers only, no words and no pages."""
