"""What goes over our own wire, as pydantic models: requests, replies, and the answers agents get."""
