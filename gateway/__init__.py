"""Agents come in here: which host is asked, who asks, and the MCP protocol. Knows nothing of the portal."""
