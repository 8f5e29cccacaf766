"""Deploying a cluster: the steps from an API key to running jobs, and back to nothing."""
