"""Set-up: what a technician answers once for a new box, on a terminal, in a file for many boxes or on a page."""
