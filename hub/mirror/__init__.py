"""The second copy of the journal: on a second medium, and on a standby box (docs/second-copy.md)."""
