"""Deployment: the files that containers run on, read as their tools read them."""
