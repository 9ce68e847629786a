"""The groups of the command line, one file each; `commands.server` is what they share. They know nothing of the house."""
