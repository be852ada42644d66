"""The data plane's input and output: supervisor, workers, links, TLS, flow control.

The only folder that imports asyncio, uvloop and ssl. It knows how bytes travel and when a session begins and ends; what
the bytes mean is session/'s affair, what may pass is policy/'s.
"""
