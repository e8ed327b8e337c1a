"""The main job in one command: real orders, a broken line, a killed hub, and the proof that nothing was lost.

client.py is an example for makers of handhelds: it uses the wire contract and nothing of the hub's inside.
"""
