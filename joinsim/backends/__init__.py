"""Where a scenario's cluster comes from."""

from joinsim.backends.fake import FakeGround
from joinsim.backends.file_server import FileServer
from joinsim.backends.ground import Capability, Cluster, ClusterPlan, Ground
from joinsim.backends.serving import Served, ServeSettings, new_token, serving, serving_in_thread

__all__ = [
    "Capability",
    "Cluster",
    "ClusterPlan",
    "FakeGround",
    "FileServer",
    "Ground",
    "ServeSettings",
    "Served",
    "new_token",
    "serving",
    "serving_in_thread",
]
