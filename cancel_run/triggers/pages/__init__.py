"""The answers to a browser: the same facts as the JSON, as a page that only shows."""
