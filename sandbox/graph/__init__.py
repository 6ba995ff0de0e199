"""Microsoft Graph, mail only, app-only permissions: users' messages with $search, attachments, folders, ids."""
