"""Releases of the app side by side: instances that one began and another goes on with, and golden histories."""
