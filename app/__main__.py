"""The table of commands; imports the front end a command needs only when it is asked for."""
