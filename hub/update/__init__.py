"""`storehub update`: a new release beside the old one, checked, switched to, and left again when it is not well.

docs/update.md tells the steps and the rules; hub/update/engine.py is the part that a power cut may end anywhere.
"""
