"""The composition root: builds every part, owns the one TaskGroup and closes in reverse."""
