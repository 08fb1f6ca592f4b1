"""The rules of each resource that the control plane stores."""

from joinsim.controlplane.resources.strategies import STRATEGIES
from joinsim.controlplane.resources.strategy import Context, Strategy

__all__ = ["STRATEGIES", "Context", "Strategy"]
