"""The page of results: one HTML file that shows all experiments of a call, without any server.

`options` is read when a call is planned and imports nothing heavy; `read` brings together what the
page says of an experiment, `mistakes` its most confident errors, `files` embeds pictures and
recordings up to a limit, `write` puts all of it into the template.
"""
