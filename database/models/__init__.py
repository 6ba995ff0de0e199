"""The tables, a module per subject. Importing this package registers all of them on `Base.metadata`."""

from database.models.access import ApiKey
from database.models.accounts import Attempt, OneTimeLink, Session, User
from database.models.audit import AuditEvent
from database.models.base import Base
from database.models.members import Member, ServerInvitation
from database.models.oauth import AuthorizationCode, Grant, Issuer, OAuthClient, OAuthToken
from database.models.servers import DomainAssignment, McpServer, PoolChange, ServerSource
from database.models.sources import Source

__all__ = [
    "ApiKey",
    "Attempt",
    "AuditEvent",
    "AuthorizationCode",
    "Base",
    "DomainAssignment",
    "Grant",
    "Issuer",
    "McpServer",
    "Member",
    "OAuthClient",
    "OAuthToken",
    "OneTimeLink",
    "PoolChange",
    "ServerInvitation",
    "ServerSource",
    "Session",
    "Source",
    "User",
]
