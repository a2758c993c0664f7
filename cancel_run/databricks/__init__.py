"""The Databricks workspace: its Jobs API, what its answers mean, and how fast it may be asked."""
