"""Properties of recordings that ready-made models predict, as columns of tables."""

# Their columns end so, whether or not the database knows the property.
MARK = "_pred"
