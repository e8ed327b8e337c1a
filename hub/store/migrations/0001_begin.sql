-- The journal: one row an entry, its exact bytes, appended at the right edge of one tree and never changed.
-- No second index and no other column: each costs a page more for every order (docs/adr/0002-one-table-a-commit.md).
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY CHECK (seq > 0),
    raw BLOB NOT NULL CHECK (length(raw) > 0)
) STRICT;

CREATE TABLE epochs (
    first_seq INTEGER PRIMARY KEY CHECK (first_seq > 0),
    epoch TEXT NOT NULL UNIQUE CHECK (length(epoch) = 16),
    after_epoch TEXT NOT NULL,
    after_seq INTEGER NOT NULL CHECK (after_seq >= 0),
    after_hash TEXT NOT NULL CHECK (length(after_hash) = 64)
) STRICT;

-- What follows the journal: the state as of the entry `saved`, written in one transaction with it now and then.
-- A start loads what is live and reads the few entries after `saved` again.
CREATE TABLE aggregates (
    shelf TEXT NOT NULL,
    id TEXT NOT NULL,
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    day TEXT,
    value BLOB NOT NULL,
    PRIMARY KEY (shelf, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX aggregates_live ON aggregates (shelf, id) WHERE live = 1;
CREATE INDEX aggregates_day ON aggregates (shelf, day, id) WHERE day IS NOT NULL;

-- The requests answered before `saved`: a fingerprint of device and key, and the seq of the entry that answers.
-- block is seq / 1024: fingerprints are random, and would touch a page of a large tree for each order; within a block
-- they touch a few. A look-up asks every block, which only a retry of an old request needs (hub/service/requests.py).
CREATE TABLE requests (
    block INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (block, fingerprint, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE saved (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO saved VALUES (1, 0, '', '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
