-- Changes name, window and terms of a sale.
-- $1 id, $2 name, $3 opens_at, $4 closes_at, $5 hold_seconds, $6 max_hold_seconds (null: twice the
-- hold), $7 currency, $8 durability
update sale set
    name = $2, opens_at = $3, closes_at = $4, hold_seconds = $5,
    max_hold_seconds = coalesce($6, 2 * $5::integer), currency = $7, durability = $8
where id = $1
