"""A page of one experiment's samples: sorted, filtered, drawn by any two columns, and played.

`build` brings together what the page shows, `write` puts it into the template.
"""
