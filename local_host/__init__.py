"""One machine, no Azure: runs the same function_app.py that Azure runs, with emulators beside it."""
