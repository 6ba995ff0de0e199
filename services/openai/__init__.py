"""OpenAI's embeddings, which the operator's key pays for. Nothing else of OpenAI's is used."""
