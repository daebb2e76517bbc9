"""What happens after an event?"""
