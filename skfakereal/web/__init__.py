"""A page on this machine to drop images on, and the same answers as JSON.

Needs the extra ``web``. Nothing is kept: each request has its files in a temporary folder of
its own, and the browser holds what it shows.
"""
