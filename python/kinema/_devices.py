"""What this machine can compute on."""
from typing import Dict

from kinema._library import call, make


def devices() -> Dict[str, str]:
    """Returns the devices of this machine by the names under which sessions take them, with what each is."""
    handle = make("kinema_devices_list")
    try:
        count = call("kinema_devices_count", handle)
        return {call("kinema_devices_name", handle, number): call("kinema_devices_description", handle, number)
                for number in range(count)}
    finally:
        call("kinema_devices_free", handle)
