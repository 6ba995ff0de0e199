"""What keeps one slow or broken source from taking the others down: bulkheads, breakers, shared and reused answers.
Policy alone: knows no source, no query and no wire."""
