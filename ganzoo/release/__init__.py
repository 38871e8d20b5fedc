"""A release -> something that others can use: a folder that ships, a repository on the Hub, one file for another program."""
