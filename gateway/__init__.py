"""The only package that knows everybody."""
