"""CONTRACT section 9 over HTTP."""
