"""How points fade with age."""

from datetime import timedelta

from baton.leads.playbook.model import Decay


def remaining(decay: Decay, age: timedelta) -> float:
    """The share of its points that an activity of this age still has, 0 to 1. A negative age is none."""
    age = max(age, timedelta(0))
    if decay.half_life is not None:
        return float(0.5 ** (age / decay.half_life))
    if decay.linear is not None:
        return max(0.0, 1.0 - age / decay.linear)
    return next((share for at, share in reversed(decay.steps) if age >= at), 1.0)


def breakpoints(decay: Decay) -> tuple[timedelta, ...]:
    """The ages at which the share jumps or stops falling."""
    if decay.linear is not None:
        return (decay.linear,)
    return tuple(age for age, _ in decay.steps)
