"""Where do bytes come from, and where are they kept?"""
