-- additive
-- Which customers' keys the cloud has (sure), and how often one was destroyed here since it was told of it (gone). Whoever deletes
-- a key, for whatever reason, leaves the word for the cloud in the same transaction.
CREATE TABLE keys_sent (
    id TEXT PRIMARY KEY,
    sure INTEGER NOT NULL CHECK (sure IN (0, 1)),
    gone INTEGER NOT NULL CHECK (gone >= 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER key_destroyed AFTER DELETE ON customer_keys BEGIN
    UPDATE keys_sent SET gone = gone + 1, sure = 0 WHERE id = OLD.id;
END;
