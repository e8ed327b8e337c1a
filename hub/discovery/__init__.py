"""mDNS: how a handheld finds the box (docs/discovery.md). `hub.discovery.browse` is the finding side."""

from hub.discovery.beacon import Beacon
from hub.discovery.facts import BeaconFacts, BeaconState, Phase
from hub.discovery.interfaces import Reach, choose, read_interfaces
from hub.discovery.watch import AddressWatch

__all__ = [
    "AddressWatch",
    "Beacon",
    "BeaconFacts",
    "BeaconState",
    "Phase",
    "Reach",
    "choose",
    "read_interfaces",
]
