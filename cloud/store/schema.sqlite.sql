-- The same tables as schema.postgresql.sql. The CHECKs are the last guard of what the code promises.

CREATE TABLE hubs (
    num          INTEGER PRIMARY KEY AUTOINCREMENT CHECK (num < 1 << 22),
    hub_id       TEXT NOT NULL UNIQUE,
    store_id     TEXT NOT NULL,
    created_at   REAL NOT NULL,
    cursor_epoch TEXT NOT NULL,
    cursor_seq   INTEGER NOT NULL CHECK (cursor_seq >= 0),
    cursor_hash  TEXT NOT NULL CHECK (length(cursor_hash) = 64)
);

-- Only digests of tokens. A revoked one stays, so that its box can be told why.
CREATE TABLE tokens (
    num        INTEGER PRIMARY KEY AUTOINCREMENT,
    hub        INTEGER NOT NULL REFERENCES hubs (num),
    digest     BLOB NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    used_at    REAL,
    revoked_at REAL
);

CREATE TABLE epochs (
    hub         INTEGER NOT NULL REFERENCES hubs (num),
    num         INTEGER NOT NULL,
    epoch       TEXT NOT NULL,
    after_epoch TEXT NOT NULL,
    after_seq   INTEGER NOT NULL CHECK (after_seq >= 0),
    after_hash  TEXT NOT NULL CHECK (length(after_hash) = 64),
    announced   INTEGER NOT NULL,  -- Rises with every announcement: the latest is the one that counts.
    opened_at   REAL NOT NULL,
    PRIMARY KEY (hub, num),
    UNIQUE (hub, epoch)
) WITHOUT ROWID;

CREATE INDEX epochs_by_after_epoch ON epochs (hub, after_epoch);
CREATE INDEX epochs_by_after_seq ON epochs (hub, after_seq);

-- The live chains. Small columns first: the day index and the marks are read without the bodies' overflow pages.
CREATE TABLE entries (
    key    INTEGER PRIMARY KEY,
    epoch  INTEGER NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 32),
    day    INTEGER NOT NULL,
    sale   INTEGER NOT NULL CHECK (sale IN (0, 1)),
    amount INTEGER NOT NULL,
    body   BLOB NOT NULL
);

-- Covering, so that a day's totals never touch the entries.
CREATE INDEX entries_by_day ON entries (day, key, sale, amount);

-- What a hub's newer epoch left behind. Never deleted, except when the very entry comes back to the chain.
CREATE TABLE orphans (
    key    INTEGER NOT NULL,
    epoch  INTEGER NOT NULL,
    hash   BLOB NOT NULL,
    day    INTEGER NOT NULL,
    sale   INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    body   BLOB NOT NULL,
    PRIMARY KEY (key, epoch, hash)
);

CREATE TABLE holes (
    key       INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    hash      BLOB NOT NULL CHECK (length(hash) = 32),
    reason    TEXT NOT NULL,
    made_at   REAL NOT NULL,
    filled_at REAL,
    orphan    INTEGER NOT NULL CHECK (orphan IN (0, 1)),
    PRIMARY KEY (key, epoch)
) WITHOUT ROWID;

CREATE TABLE contacts (
    hub      INTEGER PRIMARY KEY REFERENCES hubs (num),
    heard_at REAL NOT NULL,
    status   TEXT
);

-- Every import is a version. Its random stamp goes into cursors, so a cursor of another database is recognised.
CREATE TABLE master_versions (
    store_id TEXT NOT NULL,
    version  INTEGER NOT NULL,
    stamp    TEXT NOT NULL,
    made_at  REAL NOT NULL,
    PRIMARY KEY (store_id, version)
) WITHOUT ROWID;

CREATE TABLE items (
    store_id TEXT NOT NULL,
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    version  INTEGER NOT NULL,
    value    TEXT,
    PRIMARY KEY (store_id, kind, id)
) WITHOUT ROWID;

CREATE INDEX items_by_version ON items (store_id, version);
