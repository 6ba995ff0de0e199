"""Health checks."""

from __future__ import annotations

from fastapi import APIRouter

from portal.api.dependencies import Use
from schemas.health import Checks

router = APIRouter(tags=["health"])


@router.get("/checks", summary="How this installation does")
async def checks(portal: Use) -> Checks:
    return await portal.checks.look()
