"""A person decides whether an agent may use a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from auth.access import SignedIn
from auth.agents import WRITE
from auth.audit import AuditTrail, Event
from auth.oauth.clients import Client, Clients
from auth.oauth.redirects import redirect_for
from auth.oauth.requests import AuthorizationRequest, Parameters, RequestSeal, checked, redirect_of, reply_to
from auth.oauth.resources import resource_of
from auth.rights import Right, get_locked_server, may_edit
from auth.signatures import Signatures
from auth.tokens import CODE_PREFIX, new_token
from database.engine import Database
from database.models import AuthorizationCode, Grant
from errors import Forbidden, Invalid, NotFound, OAuthError
from repositories.grants import Grants
from repositories.oauth import AuthorizationCodes
from repositories.places import Place, Places

_CODE_LIFETIME: Final = timedelta(minutes=1)
_FORM: Final = "consent form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked."""

    sealed: str
    request: AuthorizationRequest
    client: Client
    places: tuple[Place, ...]
    """The server that is meant; several where the person must say which; none where they may not let anybody in."""
    token: str
    """Comes back with the answer: shows that this person was asked this, in this session."""


class Consents:
    def __init__(
        self,
        *,
        database: Database,
        clients: Clients,
        signatures: Signatures,
        audit: AuditTrail,
        clock: Callable[[], datetime],
        issuer: str,
        is_served: Callable[[str], bool],
    ) -> None:
        """`is_served` tells whether a domain is in the pool."""
        self._database = database
        self._clients = clients
        self._signatures = signatures
        self._seal = RequestSeal(signatures)
        self._audit = audit
        self._clock = clock
        self._issuer = issuer
        self._is_served = is_served

    async def begin(self, parameters: Parameters) -> str:
        """The sealed request to put before a person. Raises UnknownClient, BadRedirect or another BadRequest where
        nobody may be sent anywhere, else SentBack."""
        client = await self._clients.find(parameters.get("client_id") or "")
        redirect_uri = redirect_of(parameters, client)
        try:
            request = checked(parameters, client, redirect_uri, self._clock())
            if request.gateway is not None:
                await self._require_held(request.gateway)
        except OAuthError as error:
            raise self._sent_back(error, redirect_uri, parameters.get("state")) from error
        return self._seal.seal(request)

    def refused(self, sealed: str, error: str, message: str) -> str:
        """Where the browser goes to say that there will be no code. Raises BadRequest for a request that is too old."""
        request = self._seal.open(sealed, self._clock())
        return reply_to(request.redirect_uri, self._issuer, request.state, error=error, error_description=message)

    async def ask(self, sealed: str, person: SignedIn) -> Question:
        """Raises BadRequest, UnknownClient and BadRedirect."""
        request = self._seal.open(sealed, self._clock())
        client = await self._clients.find(request.client_id)
        redirect_for(client, request.redirect_uri)  # the client may have changed since
        async with self._database.reading() as session:
            places = await Places(session).list_for(person.user_id)
        return Question(
            sealed=sealed,
            request=request,
            client=client,
            places=_meant([place for place in places if self._is_served(place.domain)], request),
            token=self._signatures.sign(_FORM, f"{person.session_id}:{sealed}"),
        )

    async def deny(self, sealed: str, token: str, person: SignedIn) -> str:
        """Where the browser goes. Raises BadRequest, and Forbidden for a form that this person was not given."""
        self._require_asked(sealed, token, person)
        location = self.refused(sealed, "access_denied", "The person did not allow it.")
        self._audit.record(_told(person.user_id, person, "grant.denied", None, None))
        return location

    async def allow(
        self, sealed: str, token: str, person: SignedIn, *, server_id: UUID | None = None, may_write: bool = False
    ) -> str:
        """Where the browser goes, with a code. `server_id` says which where there was a choice. Raises BadRequest,
        UnknownClient, BadRedirect, Forbidden for a form that this person was not given, and Invalid for no choice."""
        self._require_asked(sealed, token, person)
        question = await self.ask(sealed, person)
        if server_id is None and len(question.places) > 1:
            raise Invalid.field("server", "Choose the server that the agent may use.")
        chosen = [place for place in question.places if server_id in (None, place.server_id)]
        if len(chosen) != 1:
            self._audit.record(_told(person.user_id, person, "grant.denied", None, None))
            return self.refused(sealed, "access_denied", "This account may not let agents in there.")
        place = chosen[0]
        await self._clients.used(question.client)
        code = new_token(CODE_PREFIX)
        try:
            grant = await self._grant(question, place, person, code.hash, may_write=may_write)
        except NotFound:  # the server, or the person's place there, has gone since they were asked
            return self.refused(sealed, "access_denied", "This account may not let agents in there.")
        for trail in {place.owner_id, person.user_id}:
            self._audit.record(_told(trail, person, "grant.created", place.server_id, grant.id))
        return reply_to(question.request.redirect_uri, self._issuer, question.request.state, code=code.text)

    async def _grant(
        self, question: Question, place: Place, person: SignedIn, code_hash: str, *, may_write: bool
    ) -> Grant:
        request, now = question.request, self._clock()
        writes = may_write and may_edit(place.role)
        scopes = [scope for scope in request.scopes if scope != WRITE or writes]
        grant = Grant(
            id=uuid4(),
            user_id=person.user_id,
            server_id=place.server_id,
            assignment_id=place.assignment_id,
            client_id=question.client.row_id,
            scopes=scopes,
            created_at=now,
        )
        code = AuthorizationCode(
            id=uuid4(),
            grant_id=grant.id,
            code_hash=code_hash,
            redirect_uri=request.redirect_uri,
            redirect_uri_given=request.redirect_uri_given,
            challenge=request.challenge,
            scopes=scopes,
            resource=resource_of(place.url),
            created_at=now,
            expires_at=now + _CODE_LIFETIME,
        )
        async with self._database.writing() as session:
            await get_locked_server(session, person.user_id, place.server_id, Right.USE)  # not removed meanwhile
            await Grants(session).add(grant)
            await AuthorizationCodes(session).add(code)
        return grant

    def _require_asked(self, sealed: str, token: str, person: SignedIn) -> None:
        if not self._signatures.fits(_FORM, f"{person.session_id}:{sealed}", token):
            raise Forbidden("This form was not made for you, or you have signed in again since. Start from the agent.")

    async def _require_held(self, gateway: str) -> None:
        async with self._database.reading() as session:
            domain = await Places(session).find_domain(gateway)
        if domain is None or not self._is_served(domain):
            raise OAuthError("invalid_target", "No MCP server holds this address at the moment.")

    def _sent_back(self, error: OAuthError, redirect_uri: str, state: str | None) -> SentBack:
        values = {"error": error.error, "error_description": error.message}
        return SentBack(error, reply_to(redirect_uri, self._issuer, state, **values))


class SentBack(OAuthError):
    """A refusal that the client is told by a redirect."""

    def __init__(self, error: OAuthError, location: str) -> None:
        super().__init__(error.error, error.message)
        self.location = location


def _meant(places: list[Place], request: AuthorizationRequest) -> tuple[Place, ...]:
    """Without a word from the client: what the person owns, if that is one, else whatever they may use."""
    if request.gateway is not None:
        return tuple(place for place in places if place.url == request.gateway)
    owned = tuple(place for place in places if place.role == "owner")
    return owned if len(owned) == 1 else tuple(places)


def _told(trail: UUID, person: SignedIn, action: str, server_id: UUID | None, grant_id: UUID | None) -> Event:
    return Event(
        user_id=trail,
        actor="user",
        actor_id=person.user_id,
        action=action,
        server_id=server_id,
        target=None if grant_id is None else str(grant_id),
        address=person.caller.address,
        agent=person.caller.user_agent,
    )
