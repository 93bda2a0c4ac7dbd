"""Scoring, purely: a lead, what it did and the model give points, a tier and every reason."""

from baton_scoring.scoring.horizon import next_look
from baton_scoring.scoring.score import score_lead

__all__ = ["next_look", "score_lead"]
