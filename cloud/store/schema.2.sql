-- What schema 2 adds to schema 1, for both engines.
-- Entries low to high (keys) count on another business day than they say: so says the clock.corrected at `key`.
-- Derived from entries, and gone with them: a chain that is cut back before the correction counts as it did.
CREATE TABLE corrections (
    key     BIGINT NOT NULL,
    part    INTEGER NOT NULL,
    low     BIGINT NOT NULL,
    high    BIGINT NOT NULL,
    old_day INTEGER NOT NULL,
    new_day INTEGER NOT NULL,
    PRIMARY KEY (key, part),
    CHECK (low <= high AND high < key)
);
