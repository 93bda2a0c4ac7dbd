"""When Python looks for garbage that refers to itself: not while a service starts, and rarely once it works."""

import gc


def put_off_collecting() -> None:
    """Not before `begin_collecting`. Hardly anything imported becomes garbage; to look took a quarter of the start."""
    gc.disable()


def begin_collecting() -> None:
    """What is loaded by now lives as long as the process. Not looking at it again saved a quarter of the CPU."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()
