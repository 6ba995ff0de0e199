"""The JSON API under /api/v1: reads requests, calls one action, shapes the reply. No rule of the product lives here."""
