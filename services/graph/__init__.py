"""Mail over Microsoft Graph, read with an app's own permission: sign-in at Entra, requests, values, refusals in words.

`sdk` is the only module that imports Microsoft's SDK, and is itself imported at the first request. Its models are used
nowhere: `values` reads the replies.
"""
