"""Results as people read them: page, texts, tables, archive."""
