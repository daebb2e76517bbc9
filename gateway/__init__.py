"""The only package that knows everybody."""

import os

# pydantic looks through every installed distribution for plug-ins; none is ours, and a hub starts sooner
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
