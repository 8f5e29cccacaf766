"""RunPod: its REST API v2, its catalogue, and its pods as a source."""
