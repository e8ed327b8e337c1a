-- name: append
-- A whole group in one statement: its bytes as one blob, and where in it each entry lies, [[start, length], …] from 1.
-- Outside a transaction the statement is one: begun, synced and committed in a single call.
INSERT INTO entries (seq, raw)
SELECT :first_seq + span.key, substr(:raw, span.value ->> 0, span.value ->> 1) FROM json_each(:spans) AS span
-- name: open_epoch
INSERT INTO epochs (first_seq, epoch, after_epoch, after_seq, after_hash) VALUES (?, ?, ?, ?, ?)
-- name: epochs
SELECT epoch, first_seq, after_epoch, after_seq, after_hash FROM epochs ORDER BY first_seq
-- name: last
SELECT seq, raw FROM entries ORDER BY seq DESC LIMIT 1
-- name: first_seq
SELECT min(seq) FROM entries
-- name: entry
SELECT raw FROM entries WHERE seq = ?
-- name: between
SELECT seq, raw FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq
-- name: seqs_between
SELECT seq FROM entries WHERE seq >= ? AND seq <= ?
-- name: put_back
INSERT INTO entries (seq, raw) VALUES (?, ?)
-- name: drop_epochs_within
DELETE FROM epochs WHERE first_seq >= ? AND first_seq <= ?
-- name: saved
SELECT seq, epoch, hash FROM saved
-- name: move_saved
UPDATE saved SET seq = ?, epoch = ?, hash = ?
-- name: put_aggregate
INSERT INTO aggregates (shelf, id, live, day, value) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (shelf, id) DO UPDATE SET live = excluded.live, day = excluded.day, value = excluded.value
-- name: drop_aggregate
DELETE FROM aggregates WHERE shelf = ? AND id = ?
-- name: live_aggregates
SELECT shelf, id, value FROM aggregates WHERE live = 1
-- name: all_aggregates
SELECT shelf, id, value FROM aggregates
-- name: request
SELECT 1 FROM requests WHERE block = (?2 >> 10) AND fingerprint = ?1 AND seq = ?2
-- name: aggregate
SELECT value FROM aggregates WHERE shelf = ? AND id = ?
-- name: aggregates_of_day
SELECT id, value FROM aggregates WHERE shelf = ? AND day = ? AND id > ? ORDER BY id LIMIT ?
-- name: aggregates_from_day
SELECT day, id, value FROM aggregates WHERE shelf = ? AND (day, id) < (?, ?) ORDER BY day DESC, id DESC LIMIT ?
-- name: report_days
SELECT id FROM aggregates WHERE shelf = 'reports' ORDER BY id DESC
-- name: put_request
INSERT OR IGNORE INTO requests (block, fingerprint, seq)
SELECT (pair.value ->> 1) >> 10, pair.value ->> 0, pair.value ->> 1 FROM json_each(?) AS pair
-- name: requests_of
WITH RECURSIVE span (block, last) AS (
    SELECT min(block), max(block) FROM requests
    UNION ALL SELECT block + 1, last FROM span WHERE block < last
)
SELECT requests.seq FROM span JOIN requests ON requests.block = span.block AND requests.fingerprint = ?
-- name: requests_after
SELECT fingerprint, seq FROM requests WHERE (block, fingerprint, seq) > (?2 >> 10, ?1, ?2)
ORDER BY block, fingerprint, seq LIMIT ?3
-- name: drop_requests
DELETE FROM requests WHERE block <= (?1 >> 10) AND seq < ?1
-- name: drop_entries
DELETE FROM entries WHERE seq < ?
-- name: drop_epochs
DELETE FROM epochs WHERE first_seq < (SELECT max(first_seq) FROM epochs WHERE first_seq <= ?)
-- name: note
SELECT value FROM notes WHERE name = ?
-- name: put_note
INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value
-- name: aggregates_of
SELECT id, value FROM aggregates WHERE shelf = ? AND id IN (SELECT value FROM json_each(?))
-- name: aggregates_after
SELECT id, value FROM aggregates WHERE shelf = ? AND id > ? ORDER BY id LIMIT ?
-- name: keys_of
SELECT id, wrapped FROM customer_keys WHERE id IN (SELECT value FROM json_each(?))
-- name: any_key
SELECT 1 FROM customer_keys LIMIT 1
-- name: key_ids
SELECT id FROM customer_keys
-- name: all_keys
SELECT id, wrapped FROM customer_keys ORDER BY id
-- name: put_key
INSERT OR IGNORE INTO customer_keys (id, wrapped) VALUES (?, ?)
-- name: drop_key
DELETE FROM customer_keys WHERE id = ?
-- name: keys_held
SELECT count(*) FROM customer_keys
-- name: keys_unsent
SELECT customer_keys.id, wrapped FROM customer_keys LEFT JOIN keys_sent ON keys_sent.id = customer_keys.id
WHERE keys_sent.id IS NULL OR (sure = 0 AND gone = 0) ORDER BY customer_keys.id LIMIT ?
-- name: keys_waiting
SELECT (SELECT count(*) FROM customer_keys LEFT JOIN keys_sent ON keys_sent.id = customer_keys.id
        WHERE keys_sent.id IS NULL OR (sure = 0 AND gone = 0))
     + (SELECT count(*) FROM keys_sent WHERE gone > 0)
-- name: keys_gone
SELECT id, gone FROM keys_sent WHERE gone > 0 ORDER BY id LIMIT ?
-- name: key_leaves
INSERT OR IGNORE INTO keys_sent (id, sure, gone) VALUES (?, 0, 0)
-- name: key_sure
UPDATE keys_sent SET sure = 1 WHERE id = ? AND gone = 0
-- name: key_gone_told
UPDATE keys_sent SET gone = max(gone - ?2, 0), sure = 0 WHERE id = ?1
-- name: keys_unsure
UPDATE keys_sent SET sure = 0
-- name: keys_forgotten
DELETE FROM keys_sent WHERE gone = 0 AND id NOT IN (SELECT id FROM customer_keys)
-- name: key_gone_there
INSERT INTO keys_sent (id, sure, gone) VALUES (?, 0, 1) ON CONFLICT (id) DO UPDATE SET gone = gone + 1, sure = 0
