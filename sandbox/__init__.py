"""Stand-ins for Entra, Graph mail, Box and Snowflake, on loopback: for trying the product, and for its tests.

In a test that needs a real socket (vendors' SDKs do):

    sandbox = create_app(sample_company())          # of sandbox.app and sandbox.sample
    with serve(sandbox) as base_url:                # of sandbox.server: http://127.0.0.1:<a free port>
        ...                                         # GRAPH_URL=<base_url>/graph, ENTRA_URL=<base_url>/entra,
                                                    # BOX_URL=<base_url>/box, SNOWFLAKE_URL=<base_url>/snowflake

In process, without one, the same app goes under `httpx2.ASGITransport(app=sandbox)` with any origin as its base URL.
Who may come in is `world.credentials` (`DEMO` unless a test builds its own). A test makes trouble and reads what
happened through the object or, from another process, through `/control`:

    sandbox.faults.add(Fault(source="graph", kind="429", retry_after_s=2, times=1))
    sandbox.tokens.expire("graph")                  # every token of that source is now refused
    sandbox.secrets.revoke("box")                   # its secret no longer works, nor do its tokens
    sandbox.traffic.count("graph", "messages")      # requests seen; `count("entra", "token")`: token requests
    sandbox.traffic.aborted("graph")                # requests whose caller left before the answer was complete

`create_app(world, clock=..., quotas=..., behaviour=Behaviour(...))` takes the time from a handed-in clock wherever a
vendor counts per minute or a token expires, and from `Behaviour` how long statements take, when a 202 is answered, and
so on. Without a socket the faults that break a connection raise `ConnectionError` through the transport instead.

Nothing here is imported by the product; what a vendor does is written beside the code with its source, and what is
only assumed says so.
"""
