#!lua
-- Decides a batch of checkouts of one sale, in the order given, each all or nothing.
--
-- KEYS[1]  record        hash: the sale's proof, state, definition and stock
-- KEYS[2]  reservations  hash: reservation id -> stored reservation
-- KEYS[3]  customers     hash: customer -> holdings
-- KEYS[4]  stream        the sale's numbered history
-- KEYS[5]  seen          hash: epoch -> highest version that a refused caller had seen
-- KEYS[6+] carts         string: version;sku=quantity;...  those that `terms` speaks of
--
-- ARGV[1]  epoch         the highest epoch that the caller has seen
-- ARGV[2]  witness       the highest version that it has seen in that epoch
-- ARGV[3]  barrier       1: write something in any case, so that WAIT covers what is replayed
-- ARGV[4]  terms         of the checkouts that are no ordinary ones, each by its place in the batch:
--                          <place>=late  a payment after expiry: the window and the end of the
--                                        sale do not refuse it, a pause does
--                          <place>=cart:<n>:<version>  the lines are those of the n-th of carts in
--                                        that version; admitting it empties the cart
--                        with ';' between them
-- ARGV[5+] checkouts     id(32) customer(22) fingerprint(22) sku:quantity:price;... | context
--
-- Reply    {'unproven'}            this server is not the one that the record was proven on, or
--                                  has lost keys since
--          {'epoch', epoch}        the sale lives under a later epoch: ask again with that one
--          {'behind'}              the caller has seen more than this record holds
--          {'ok', version, now_ms, outcome, ...}, one outcome for each checkout:
--            version               admitted under this version
--            'replay:<stored>'     the id is known, with the same customer and lines
--            'reused'              the id is known, with another customer or other lines
--            'state:<state>'       scheduled, paused or closed
--            'ledger-behind'       too much waits for the ledger already, or waits for too long
--            'unknown:<sku>'       the sale has no such item
--            'cart-empty'          the cart has no lines
--            'changed'             a price, or the cart, is not the one that the caller encoded
--            'limit:<sku>=<left>'  the customer may take only so many more
--            'admissions'          the customer used up its number of reservations in this sale
--            'short:<sku>=<available>;...'  each line that the stock does not cover

--@include proof
--@include complete
--@include clock
--@include holdings
--@include stock
--@include append
--@include set_fields
--@include announce

local record, reservations, customers, stream, seen = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local epoch, witness, barrier, terms = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local BEFORE_CARTS = 5
local BEFORE_CHECKOUTS = 4

local r = redis.call('HMGET', record, 'replid', 'epoch', 'version', 'state', 'opens_at_ms',
  'closes_at_ms', 'reservations', 'reservations_per_customer', 'committed', 'progress_at_ms',
  'backlog_limit', 'stall_limit_ms', 'customers')
local version = tonumber(r[3])

local function refusal()
  if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
  if tonumber(r[2]) > tonumber(epoch) then return {'epoch', r[2]} end
  if tonumber(r[2]) < tonumber(epoch) or version < witness then return {'behind'} end
  if not is_complete(reservations, r[7], customers, r[13]) then return {'unproven'} end
end

local refused = refusal()
if refused then
  -- Who knows a later epoch leaves it even where no version of it was seen: only an epoch above it
  -- can sell to such a caller again.
  local least = r[2] and tonumber(r[2]) < tonumber(epoch) and '-1' or '0'
  if witness > tonumber(redis.call('HGET', seen, epoch) or least) then
    redis.call('HSET', seen, epoch, ARGV[2])
  end
  return refused
end

local now = now_ms()
local function sale_state()
  if r[4] ~= 'open' then return r[4] end
  if now < tonumber(r[5]) then return 'scheduled' end
  local closes_at = tonumber(r[6])
  if closes_at > 0 and now >= closes_at then return 'closed' end
  return 'open'
end

-- Whether the oldest change that the ledger has not read is older than it may become. The ledger's
-- last progress is looked at first, because it costs nothing.
local function is_stalled()
  local committed, limit = tonumber(r[9]), tonumber(r[12])
  if version == committed or now - tonumber(r[10]) <= limit then return false end
  local oldest = redis.call('XRANGE', stream, string.format('%d-1', committed), '+', 'COUNT', 1)[1]
  for k = 1, oldest and #oldest[2] or 0, 2 do
    if oldest[2][k] == 'at_ms' then return now - tonumber(oldest[2][k + 1]) > limit end
  end
  return false
end

local state = sale_state()
local stalled = is_stalled()
local last_version = tonumber(r[9]) + tonumber(r[11])
local admissions_limit = tonumber(r[8])
local count = #ARGV - BEFORE_CHECKOUTS
local ids, buyers = {}, {}
for k = 1, count do
  local checkout = ARGV[k + BEFORE_CHECKOUTS]
  ids[k] = string.sub(checkout, 1, 32)
  buyers[k] = string.sub(checkout, 33, 54)
end
local stored = redis.call('HMGET', reservations, unpack(ids))
local held = redis.call('HMGET', customers, unpack(buyers))

local ORDINARY = {}
local terms_of = {}
for place, word, n, cart_version in string.gmatch(terms, '(%d+)=(%a+):?(%d*):?(%d*)') do
  terms_of[tonumber(place)] = {late = word == 'late', version = cart_version,
    cart = word == 'cart' and BEFORE_CARTS + tonumber(n)}
end

-- The overlay: what this call has decided so far. A click and its retry may share a batch, so
-- each checkout must see the ids, holdings, stock and carts that the ones before it left.
local admitted, holdings_of, items, version_of_cart = {}, {}, {}, {}
local available, bought = {}, {}

local function holdings(k)
  local known = holdings_of[buyers[k]]
  if not known then
    known = decode_holdings(held[k])
    holdings_of[buyers[k]] = known
  end
  return known
end

local function item(sku)
  local known = items[sku]
  if known == nil then
    local f = redis.call('HMGET', record, 'available:' .. sku, 'limit:' .. sku, 'price:' .. sku)
    known = f[1] and {available = tonumber(f[1]), limit = tonumber(f[2]), price = f[3]} or false
    items[sku] = known
  end
  return known
end

local function refused_by_state(its)
  local met = its.late and r[4] ~= 'paused' and 'open' or state
  if met ~= 'open' then return 'state:' .. met end
end

local NO_CART = ''
local function refused_by_cart(its)
  local place = its.cart
  local current = version_of_cart[KEYS[place]]
  if not current then
    current = string.match(redis.call('GET', KEYS[place]) or '', '^%d*')
    version_of_cart[KEYS[place]] = current
  end
  if current == NO_CART then return 'cart-empty' end
  if current ~= its.version then return 'changed' end
end

local function check(lines, buyer)
  if buyer.admissions >= admissions_limit then return 'admissions' end
  local wanted, short, over = {}, {}, nil
  for sku, quantity, price in string.gmatch(lines, '([^:;]+):(%d+):(%d+)') do
    local this, units = item(sku), (wanted[sku] or 0) + tonumber(quantity)
    if not this then return 'unknown:' .. sku end
    if this.price ~= price then return 'changed' end
    local left = this.limit - (buyer.units[sku] or 0)
    if this.limit > 0 and units > left then
      over = over or string.format('limit:%s=%d', sku, math.max(left, 0))
    end
    if units > this.available then
      short[#short + 1] = string.format('%s=%d', sku, this.available)
    end
    wanted[sku] = units
  end
  if over then return over end
  if #short > 0 then return 'short:' .. table.concat(short, ';') end
  return nil, wanted
end

local first, entry, new = version + 1, {}, {}

local function decide(k)
  local checkout, id, its = ARGV[k + BEFORE_CHECKOUTS], ids[k], terms_of[k] or ORDINARY
  local known = admitted[id] or stored[k]
  if known then
    if string.sub(known, 2, 45) == string.sub(checkout, 33, 76) then return 'replay:' .. known end
    return 'reused'
  end
  local why = refused_by_state(its)
  if why then return why end
  if stalled or version >= last_version then return 'ledger-behind' end
  why = its.cart and refused_by_cart(its)
  if why then return why end
  local lines = string.sub(checkout, 77, string.find(checkout, '|', 77, true) - 1)
  local buyer = holdings(k)
  local over, wanted = check(lines, buyer)
  if over then return over end
  for sku, units in pairs(wanted) do
    items[sku].available = items[sku].available - units
    available[sku] = items[sku].available
    buyer.units[sku] = (buyer.units[sku] or 0) + units
  end
  buyer.admissions, buyer.changed = buyer.admissions + 1, true
  if its.cart then
    version_of_cart[KEYS[its.cart]] = NO_CART
    bought[#bought + 1] = its.cart
  end
  version = version + 1
  admitted[id] = string.format('h%s%d,%d,%s', string.sub(checkout, 33, 76), version, now, lines)
  new[#new + 1] = id
  new[#new + 1] = admitted[id]
  entry[#entry + 1] = checkout
  return version
end

local reply = {'ok', version, now}
for k = 1, count do reply[k + 3] = decide(k) end
if #entry == 0 then
  if barrier == '1' then redis.call('HSET', record, 'barrier', string.format('%d', now)) end
  return reply
end

local fields = {'version', string.format('%d', version),
  'reservations', string.format('%d', tonumber(r[7]) + #entry)}
local stock = encode_stock(available, fields)
local people = {}
for customer, known in pairs(holdings_of) do
  if known.changed then
    people[#people + 1] = customer
    people[#people + 1] = encode_holdings(known)
  end
end

append(stream, 'admissions', r[2], first, version, now, stock, table.concat(entry, '\n'))
set_fields(reservations, new)
fields[#fields + 1] = 'customers'
fields[#fields + 1] = string.format('%d', tonumber(r[13]) + set_fields(customers, people))
set_fields(record, fields)
-- A cart of this version has the lines that were bought, and no others.
for _, place in ipairs(bought) do redis.call('DEL', KEYS[place]) end
announce(record, r[2], first, version, '-', stock)
reply[2] = version
return reply
