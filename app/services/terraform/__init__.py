"""Driving Terraform or OpenTofu: a folder a deployment, plans read before they are applied, events as they come."""
