"""The kind `outlook`: one mailbox of Microsoft 365, searched and read with an app's permission."""

from handlers.outlook.handler import OUTLOOK as HANDLER

__all__ = ["HANDLER"]
