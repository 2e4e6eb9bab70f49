"""A limited resource that many callers share: no caller can take all of it.

The rule is that of dynamic thresholds in switch buffers (Choudhury and Hahne, 1998): what a holder has must
not exceed a fixed part of what is still free. A single holder can take much of an idle resource, and there is
always something left for the next one. It needs no configuration for each caller and no knowledge of the
others.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from fairlead_gateway.bounds import SHARE_OF_FREE


class FairShares:
    """A resource of `total` units (bytes, connections). A holder is any text: a key's name, an address."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self._held: dict[str, int] = {}

    @property
    def largest(self) -> int:
        """The share of a single holder."""
        return int(self.total * SHARE_OF_FREE / (1 + SHARE_OF_FREE))

    def held(self, holder: str) -> int:
        """The present share of a holder."""
        return self._held.get(holder, 0)

    def take(self, holder: str, amount: int) -> bool:
        """Gives the holder `amount` more; False, and nothing changes, if that is more than its share."""
        held, used = self._held.get(holder, 0) + amount, self.used + amount
        if held > (self.total - used) * SHARE_OF_FREE:
            return False
        self._held[holder] = held
        self.used = used
        return True

    def give_back(self, holder: str, amount: int) -> None:
        """Takes back what `take` gave."""
        held = self._held[holder] - amount
        self.used -= amount
        if held:
            self._held[holder] = held
        else:
            del self._held[holder]


def address_holder(host: str) -> str:
    """The holder of a client's IP address.

    An IPv6 client is given a whole /64 network, so all its addresses are one holder. A text that is no
    address is its own holder.
    """
    if ":" not in host:
        return host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64)) + "/64"
