"""People come in here: use cases (actions/), the JSON API (api/) and pages (pages/). Knows nothing of the gateway."""
