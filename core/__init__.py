"""The words everyone uses. Pure; imports nothing of ours outside this package."""
