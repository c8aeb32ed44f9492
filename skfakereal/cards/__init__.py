"""Model cards: what a detector was made of, what it can do, and what it cannot."""

from skfakereal.cards._card import ModelCard, extend_card, model_card

__all__ = ["ModelCard", "extend_card", "model_card"]
