"""Imitation homes and hardware; never imported by anything above."""
