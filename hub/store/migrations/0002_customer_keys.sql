-- The keys of customers, each wrapped with the store's own (customers.key, beside this file). What the entries and tables
-- hold of a person is unreadable without its row here; deleting it is how a person is forgotten.
CREATE TABLE customer_keys (
    id TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL CHECK (length(wrapped) = 60)
) STRICT, WITHOUT ROWID;
