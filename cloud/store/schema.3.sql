-- The keys of customers, as the hubs wrapped them: nothing here opens them. One that was destroyed stays as its digest, so that
-- a copy of it out of an old backup is not taken again. Both engines run this.
CREATE TABLE customer_keys (
    hub         BIGINT NOT NULL REFERENCES hubs (num),
    customer_id TEXT NOT NULL,
    digest      TEXT NOT NULL,
    wrapped     TEXT,
    PRIMARY KEY (hub, customer_id, digest)
);
