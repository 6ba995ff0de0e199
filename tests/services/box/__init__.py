"""The Box service against stand-ins on real sockets, which is where its SDK can be met."""
