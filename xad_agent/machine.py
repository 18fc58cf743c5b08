"""What this machine has to offer, and whether an address is its own."""

import os
from ipaddress import ip_address


def usable_cores() -> int:
    """How many this process may use, as far as the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_this_machine(host: str) -> bool:
    """Whether a host's name or address can be reached from this machine alone; other names are not looked up.

    Example:
        >>> is_this_machine("localhost"), is_this_machine("::1"), is_this_machine("0.0.0.0")
        (True, True, False)
    """
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
