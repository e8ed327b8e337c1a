-- Both engines run these: ":name" is a value. Times are unix seconds.
-- key = hub number << 40 | seq, so one integer index serves every hub's chain in order.

-- name: hub
SELECT num, hub_id, store_id, cursor_epoch, cursor_seq, cursor_hash FROM hubs WHERE hub_id = :hub_id

-- name: add_hub
INSERT INTO hubs (hub_id, store_id, created_at, cursor_epoch, cursor_seq, cursor_hash)
VALUES (:hub_id, :store_id, :now, :epoch, :seq, :hash)

-- name: set_cursor
UPDATE hubs SET cursor_epoch = :epoch, cursor_seq = :seq, cursor_hash = :hash WHERE num = :hub

-- name: token
SELECT t.num, h.num, h.hub_id, h.store_id, t.used_at, t.revoked_at
FROM tokens t JOIN hubs h ON h.num = t.hub WHERE t.digest = :digest

-- name: successor
SELECT c.status FROM tokens t JOIN contacts c ON c.hub = t.hub
WHERE t.hub = :hub AND t.num > :token AND t.used_at IS NOT NULL AND t.revoked_at IS NULL

-- name: add_token
INSERT INTO tokens (hub, digest, created_at) VALUES (:hub, :digest, :now)

-- name: use_token
UPDATE tokens SET used_at = :now WHERE num = :token AND used_at IS NULL

-- name: revoke_predecessors
UPDATE tokens SET revoked_at = :now WHERE hub = :hub AND num < :token AND revoked_at IS NULL

-- name: revoke_tokens
UPDATE tokens SET revoked_at = :now WHERE hub = :hub AND revoked_at IS NULL

-- name: epochs_near
SELECT num, epoch, after_epoch, after_seq, after_hash FROM epochs WHERE hub = :hub AND (
    epoch = :epoch OR after_epoch = :epoch
    OR after_seq = (SELECT after_seq FROM epochs WHERE hub = :hub AND epoch = :epoch))
ORDER BY announced

-- name: epoch_num
SELECT num FROM epochs WHERE hub = :hub AND epoch = :epoch

-- name: add_epoch
INSERT INTO epochs (hub, num, epoch, after_epoch, after_seq, after_hash, opened_at, announced)
SELECT :hub, COALESCE(MAX(num), 0) + 1, :epoch, :after_epoch, :after_seq, :after_hash, :now,
    COALESCE(MAX(announced), 0) + 1 FROM epochs WHERE hub = :hub

-- name: announce_again
UPDATE epochs SET announced = (SELECT MAX(announced) + 1 FROM epochs WHERE hub = :hub) WHERE hub = :hub AND num = :num

-- name: marks
SELECT m.key, e.epoch, m.hash FROM (
    SELECT key, epoch, hash FROM entries WHERE key BETWEEN :low AND :high
    UNION ALL
    SELECT key, epoch, hash FROM holes WHERE key BETWEEN :low AND :high AND orphan = 0 AND filled_at IS NULL
) m JOIN epochs e ON e.hub = :hub AND e.num = m.epoch ORDER BY m.key

-- name: entries
SELECT key, epoch, body FROM entries WHERE key BETWEEN :low AND :high ORDER BY key LIMIT :count

-- name: orphan_beyond
INSERT INTO orphans (key, epoch, hash, day, sale, amount, body)
SELECT key, epoch, hash, day, sale, amount, body FROM entries WHERE key BETWEEN :low AND :high
ON CONFLICT (key, epoch, hash) DO NOTHING

-- name: delete_beyond
DELETE FROM entries WHERE key BETWEEN :low AND :high

-- name: orphan_holes_beyond
UPDATE holes SET orphan = 1 WHERE key BETWEEN :low AND :high

-- name: orphans
SELECT key, epoch, body FROM orphans
WHERE key BETWEEN :low AND :high AND (key > :low OR epoch > :epoch)
ORDER BY key, epoch LIMIT :count

-- name: orphan_at
SELECT 1 FROM orphans WHERE key = :key AND epoch = :epoch LIMIT 1

-- name: any_returned
SELECT 1 WHERE EXISTS (SELECT 1 FROM orphans WHERE key BETWEEN :low AND :high)
    OR EXISTS (SELECT 1 FROM holes WHERE key BETWEEN :low AND :high AND filled_at IS NULL)

-- name: forget_returned_orphans
DELETE FROM orphans WHERE key BETWEEN :low AND :high AND EXISTS (
    SELECT 1 FROM entries e WHERE e.key = orphans.key AND e.epoch = orphans.epoch AND e.hash = orphans.hash)

-- name: fill_returned_holes
UPDATE holes SET filled_at = :now WHERE key BETWEEN :low AND :high AND filled_at IS NULL AND EXISTS (
    SELECT 1 FROM entries e WHERE e.key = holes.key AND e.epoch = holes.epoch AND e.hash = holes.hash)

-- name: add_orphan
INSERT INTO orphans (key, epoch, hash, day, sale, amount, body)
VALUES (:key, :epoch, :hash, :day, :sale, :amount, :body)
ON CONFLICT (key, epoch, hash) DO NOTHING

-- name: hole
SELECT hash, filled_at, orphan FROM holes WHERE key = :key AND epoch = :epoch

-- name: add_hole
INSERT INTO holes (key, epoch, hash, reason, made_at, orphan) VALUES (:key, :epoch, :hash, :reason, :now, 0)
ON CONFLICT (key, epoch) DO UPDATE SET hash = excluded.hash, reason = excluded.reason, made_at = excluded.made_at, filled_at = NULL, orphan = 0

-- name: fill_hole
UPDATE holes SET filled_at = :now WHERE key = :key AND epoch = :epoch

-- name: open_holes
SELECT key, reason, made_at FROM holes
WHERE key BETWEEN :low AND :high AND orphan = 0 AND filled_at IS NULL ORDER BY key

-- name: totals
SELECT COUNT(*), COALESCE(SUM(sale), 0), COALESCE(SUM(amount), 0), MAX(key) FROM entries
WHERE day = :day AND key BETWEEN :low AND :high

-- name: totals_of_all
SELECT COUNT(*), COALESCE(SUM(sale), 0), COALESCE(SUM(amount), 0), MAX(key) FROM entries
WHERE key BETWEEN :low AND :high

-- name: add_correction
INSERT INTO corrections (key, part, low, high, old_day, new_day)
VALUES (:key, :part, :low, :high, :old_day, :new_day)
ON CONFLICT (key, part) DO NOTHING

-- name: corrections_of_day
SELECT low, high, new_day FROM corrections
WHERE key BETWEEN :low AND :high AND (old_day = :day OR new_day = :day) ORDER BY key, part

-- name: delete_corrections_beyond
DELETE FROM corrections WHERE key BETWEEN :low AND :high

-- name: hash_at
SELECT hash FROM entries WHERE key = :key

-- name: hubs
SELECT h.num, h.hub_id, h.store_id, h.cursor_epoch, h.cursor_seq, h.cursor_hash, h.created_at, c.heard_at, c.status
FROM hubs h LEFT JOIN contacts c ON c.hub = h.num ORDER BY h.store_id, h.hub_id

-- name: hubs_orphans
SELECT COUNT(*) FROM orphans WHERE key BETWEEN :low AND :high

-- name: heard
INSERT INTO contacts (hub, heard_at, status) VALUES (:hub, :heard_at, :status)
ON CONFLICT (hub) DO UPDATE SET heard_at = excluded.heard_at, status = COALESCE(excluded.status, contacts.status)
WHERE contacts.heard_at <= excluded.heard_at

-- name: store_known
SELECT 1 FROM hubs WHERE store_id = :store_id LIMIT 1

-- name: master_head
SELECT version, stamp FROM master_versions WHERE store_id = :store_id ORDER BY version DESC LIMIT 1

-- name: master_stamp
SELECT stamp FROM master_versions WHERE store_id = :store_id AND version = :version

-- name: add_master_version
INSERT INTO master_versions (store_id, version, stamp, made_at) VALUES (:store_id, :version, :stamp, :now)

-- name: items
SELECT kind, id, version, value FROM items WHERE store_id = :store_id AND value IS NOT NULL

-- name: items_since
SELECT kind, id, version, value FROM items WHERE store_id = :store_id AND version > :version

-- name: alive
SELECT 1

-- name: add_key
INSERT INTO customer_keys (hub, customer_id, digest, wrapped) VALUES (:hub, :id, :digest, :wrapped)
ON CONFLICT (hub, customer_id, digest) DO NOTHING

-- name: key_alive
SELECT 1 FROM customer_keys WHERE hub = :hub AND customer_id = :id AND digest = :digest AND wrapped IS NOT NULL

-- name: destroy_keys
UPDATE customer_keys SET wrapped = NULL WHERE hub = :hub AND customer_id = :id

-- name: keys_held
SELECT COUNT(*) FROM customer_keys WHERE hub = :hub AND wrapped IS NOT NULL

-- name: keys_after
SELECT customer_id, wrapped FROM customer_keys
WHERE hub = :hub AND customer_id > :after AND wrapped IS NOT NULL ORDER BY customer_id LIMIT :count
