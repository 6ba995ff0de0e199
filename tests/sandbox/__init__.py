"""The stand-ins: that they behave as the vendors do, and that every reply is one the vendors' descriptions allow."""
