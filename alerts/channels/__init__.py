"""Which ways out are there? One file per channel."""
