"""All stand-ins as one ASGI app: `/entra`, `/graph`, `/box`, `/snowflake`, and `/control` to make and see trouble."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.admission import Secrets, Tokens
from sandbox.behaviour import Behaviour, Clock
from sandbox.box.vendor import box_vendor
from sandbox.control import Control
from sandbox.entra import entra_vendor
from sandbox.faults import Fault, Faults
from sandbox.graph.vendor import graph_vendor
from sandbox.guard import Guard
from sandbox.snowflake.vendor import snowflake_vendor
from sandbox.traffic import Traffic
from sandbox.world import World


class Sandbox:
    """The app, and what a test holds on to. State lives as long as this does and is not shared between processes."""

    def __init__(self, world: World, *, clock: Clock, quotas: bool, behaviour: Behaviour, faults: Faults) -> None:
        self.world = world
        self.behaviour = behaviour
        self.faults = faults
        self.traffic = Traffic()
        self.tokens = Tokens(clock)
        self.secrets = Secrets(self.tokens)
        vendors = (
            entra_vendor(world, tokens=self.tokens, secrets=self.secrets, clock=clock, behaviour=behaviour),
            graph_vendor(world, tokens=self.tokens, clock=clock, quotas=quotas),
            box_vendor(
                world, tokens=self.tokens, secrets=self.secrets, clock=clock, quotas=quotas, behaviour=behaviour
            ),
            snowflake_vendor(world, secrets=self.secrets, clock=clock, behaviour=behaviour),
        )
        self._apps: dict[str, ASGIApp] = {
            vendor.source: Guard(vendor, traffic=self.traffic, faults=faults, behaviour=behaviour) for vendor in vendors
        }
        control = Control(traffic=self.traffic, faults=faults, tokens=self.tokens, secrets=self.secrets)
        self._apps["control"] = control.app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("the sandbox speaks HTTP only; run it with lifespan and websockets off")
        first, _, rest = scope["path"].removeprefix("/").partition("/")
        app = self._apps.get(first, _nothing_here)
        await app({**scope, "root_path": f"/{first}", "path": f"/{first}/{rest}"}, receive, send)


def create_app(
    world: World,
    *,
    clock: Clock | None = None,
    quotas: bool = True,
    behaviour: Behaviour | None = None,
    faults: Sequence[Fault] = (),
) -> Sandbox:
    """The stand-ins for this company. `quotas=False` is for benches that measure something else."""
    return Sandbox(
        world,
        clock=clock or _utc_now,
        quotas=quotas,
        behaviour=behaviour or Behaviour(),
        faults=Faults(tuple(faults)),
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    message = "Nothing is served here. There are /entra, /graph, /box, /snowflake and /control."
    await JSONResponse({"message": message}, status_code=404)(scope, receive, send)
