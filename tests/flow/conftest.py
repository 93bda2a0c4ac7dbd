from tests.support.simulation import simulator

__all__ = ["simulator"]
