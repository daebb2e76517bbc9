"""Where are time series kept?"""
