"""How a cancellation begins and is looked at: HTTP, queue and timer triggers."""
