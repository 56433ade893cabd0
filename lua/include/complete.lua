-- Whether the hashes hold as many reservations and customers as the record counts: a key that was
-- deleted, or evicted, takes replays or limits with it, and the server would not know.
local function is_complete(reservations, reservations_count, customers, customers_count)
  return redis.call('HLEN', reservations) == tonumber(reservations_count)
    and redis.call('HLEN', customers) == tonumber(customers_count)
end
