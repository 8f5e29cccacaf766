"""The deterministic diagnosis: signs are seen, faults explain them, and one cause stands before its symptoms."""
