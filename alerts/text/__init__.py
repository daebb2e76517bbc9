"""What do people read? One catalogue, Simplified Chinese and English."""
