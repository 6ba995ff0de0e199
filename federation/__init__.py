"""What both the gateway and the portal call: all sources of a server asked as one. Knows no protocol and no page."""
