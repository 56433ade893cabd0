#!lua flags=allow-oom
-- Brings the units of settled reservations back, each reservation once. It may run when memory
-- is full: giving back must not wait for room.
--
-- KEYS[1]  record
-- KEYS[2]  reservations
-- KEYS[3]  customers
-- KEYS[4]  stream
--
-- ARGV[1]  epoch
-- ARGV[2+] returns       id(32) letter(1): x expired, r released
--
-- Reply    {'unproven'} | {'epoch', epoch}
--          {'ok', version, outcome, ...}, one outcome for each return:
--            version     returned under this version
--            'repeated'  it had been returned before
--            'missing'   no such reservation here: Redis lost it, or the ledger made it up

--@include proof
--@include complete
--@include clock
--@include holdings
--@include stock
--@include append
--@include set_fields
--@include announce

local record, reservations, customers, stream = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch = ARGV[1]
local BEFORE_RETURNS = 1

local r = redis.call('HMGET', record, 'replid', 'epoch', 'version', 'reservations',
  'customers')
if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
if r[2] ~= epoch then return {'epoch', r[2]} end
if not is_complete(reservations, r[4], customers, r[5]) then return {'unproven'} end

local now = now_ms()
local version = tonumber(r[3])
local first = version + 1
local returned, holdings_of, available, entry, changed = {}, {}, {}, {}, {}

local function holdings(customer)
  local known = holdings_of[customer]
  if not known then
    known = decode_holdings(redis.call('HGET', customers, customer))
    holdings_of[customer] = known
  end
  return known
end

local function give_back(customer, lines)
  local buyer = holdings(customer)
  for sku, quantity in string.gmatch(lines, '([^:;]+):(%d+):%d+') do
    local units = tonumber(quantity)
    available[sku] = (available[sku] or tonumber(redis.call('HGET', record, 'available:' .. sku)))
      + units
    buyer.units[sku] = (buyer.units[sku] or 0) - units
  end
end

local function decide(text)
  local id, letter = string.sub(text, 1, 32), string.sub(text, 33, 33)
  local known = returned[id] or redis.call('HGET', reservations, id)
  if not known then return 'missing' end
  if string.sub(known, 1, 1) ~= 'h' then return 'repeated' end
  local lines = string.match(known, '^%d+,%d+,(.*)$', 46)
  give_back(string.sub(known, 2, 23), lines)
  version = version + 1
  returned[id] = letter .. string.sub(known, 2)
  changed[#changed + 1] = id
  changed[#changed + 1] = returned[id]
  entry[#entry + 1] = id .. letter .. lines
  return version
end

local reply = {'ok', version}
for k = 1, #ARGV - BEFORE_RETURNS do reply[k + 2] = decide(ARGV[k + BEFORE_RETURNS]) end
if #entry == 0 then return reply end

local fields = {'version', string.format('%d', version)}
local stock = encode_stock(available, fields)
local people = {}
for customer, known in pairs(holdings_of) do
  people[#people + 1] = customer
  people[#people + 1] = encode_holdings(known)
end

append(stream, 'returns', r[2], first, version, now, stock, table.concat(entry, '\n'))
set_fields(reservations, changed)
set_fields(customers, people)
set_fields(record, fields)
announce(record, r[2], first, version, '-', stock)
reply[2] = version
return reply
