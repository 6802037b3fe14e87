from typing import NamedTuple

from presence.site import AlertKind


class DeviceKey(NamedTuple):
    kind: AlertKind
    device: str


def device_conditions(site, by_device, horizon):
    return {}
