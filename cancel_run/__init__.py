"""Cancel an active Azure Databricks job run and stay with it until it has really stopped."""

__version__ = "0.2.0"
