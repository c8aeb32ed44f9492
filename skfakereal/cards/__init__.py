"""Model cards: what a detector was made of, what it can do, and what it cannot."""

from skfakereal.cards._card import ModelCard
from skfakereal.cards._extend import extend_card
from skfakereal.cards._model_card import model_card

__all__ = ["ModelCard", "extend_card", "model_card"]
