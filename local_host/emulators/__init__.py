"""The services that the app talks to, emulated; they know nothing of the app."""
