"""This app beside what a user would pick instead, measured on this machine: ``python -m bench``."""
