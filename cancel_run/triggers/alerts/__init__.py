"""The alerts that reach the queue, and the cancellations that they ask for."""
