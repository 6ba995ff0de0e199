"""The authorization server: who the agents are that ask for access, what people granted them, and their tokens.

Agents are clients in the words of OAuth. Nothing of HTTP routes or pages lives here.
"""
