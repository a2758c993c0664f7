"""Where the token for a workspace comes from."""
