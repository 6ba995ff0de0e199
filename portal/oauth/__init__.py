"""The authorization server's endpoints. Agents' own (metadata, token, register, revoke) answer any origin and know no
cookie; the two that people pass through (authorize, consent) are pages of the portal."""
