"""Properties of recordings that ready-made models predict, as columns of tables."""
