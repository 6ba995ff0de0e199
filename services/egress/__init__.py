"""Every outgoing connection goes through here: HTTP clients, and one vetted address for drivers that dial themselves.

What may be reached is decided twice: from the URL of every request and every redirect, and again from the addresses
that its host has at the moment of dialling, which are then dialled as they are. So nothing slips by a parser's
opinion of a URL, and a name that changes its mind between the check and the connection gains nothing.
No vendor is known here.
"""

from services.egress.egress import Egress
from services.egress.guard import Network
from services.egress.policy import HostPolicy

__all__ = ["Egress", "HostPolicy", "Network"]
