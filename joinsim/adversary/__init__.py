"""Those who are not meant to be trusted: what they know, where they stand, what they try."""

from joinsim.adversary.adversary import Adversary
from joinsim.adversary.impersonation import impersonate_control_plane
from joinsim.adversary.knowledge import Kind, Knowledge

__all__ = ["Adversary", "Kind", "Knowledge", "impersonate_control_plane"]
