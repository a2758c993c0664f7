"""Durable orchestrations on this machine, and the endpoint by which the SDK's client reaches them."""
