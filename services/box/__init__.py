"""Files in Box, read with an app's own permission: sign-in, requests in threads, values, refusals in plain words.

`sdk` is the only module that imports Box's SDK, and is itself imported at the first request. Its models are used
nowhere: `values` reads the replies. No handler, user or database is known here.
"""
