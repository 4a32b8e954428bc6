"""What the installed Keras offers by name, read from its source text, and checks of names and arguments against it."""
