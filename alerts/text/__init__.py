"""What do people read? One catalogue, Simplified Chinese and English."""

from alerts.text.message import LANGUAGES, Message, render

__all__ = ["LANGUAGES", "Message", "render"]
