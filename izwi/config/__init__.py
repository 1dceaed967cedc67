"""What is asked for: inis, options, grids, result sets, as typed values."""
