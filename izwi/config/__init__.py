"""The user's requests as typed values: inis, options, grids, result sets."""
