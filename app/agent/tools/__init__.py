"""What an answer may look at: the same answers that the commands and the screen give, and actions to propose."""
