"""Box: client credentials, search, files with their representations and downloads, folders, comments, users."""
