"""What is wrong with a store's box, and what to do: `storehub doctor`, and GET /v1/doctor (docs/operations.md)."""
