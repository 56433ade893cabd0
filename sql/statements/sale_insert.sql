-- Creates a draft; no row where the sale exists.
-- $1 id, $2 name, $3 opens_at, $4 closes_at, $5 hold_seconds, $6 currency, $7 durability,
-- $8 reservations_per_customer, $9 source, $10 max_hold_seconds (null: twice the hold)
insert into sale
    (id, name, opens_at, closes_at, hold_seconds, currency, durability,
     reservations_per_customer, source, max_hold_seconds)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, coalesce($10, 2 * $5::integer))
on conflict (id) do nothing
returning id
