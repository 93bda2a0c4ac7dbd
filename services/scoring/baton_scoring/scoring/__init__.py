"""Scoring, purely: a lead, what it did and the model give points, a tier and every reason."""

from baton_scoring.scoring.horizon import Horizon
from baton_scoring.scoring.score import score_lead

__all__ = ["Horizon", "score_lead"]
