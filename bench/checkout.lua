-- Makes each request of wrk another checkout: the next token of a file, and a key of its own.
--
-- Arguments: file of tokens, one a line; lines to leave out; requests a token; prefix of the keys;
-- path; skus, which take turns.

local file, requests_a_token, prefix, head
local tails, token, uses, count = {}, nil, 0, 0
local middle = '\r\nIdempotency-Key: '
local threads = {}

exhausted = 0

local function next_token()
  local line = file:read('*l')
  if not line then
    exhausted = 1
    file:seek('set', 0)
    line = file:read('*l')
  end
  return line
end

function setup(thread) threads[#threads + 1] = thread end

function init(arguments)
  file = assert(io.open(arguments[1], 'rb'))
  local length = #file:read('*l') + 1
  file:seek('set', tonumber(arguments[2]) * length)
  requests_a_token, prefix = tonumber(arguments[3]), arguments[4]
  head = 'POST ' .. arguments[5] .. ' HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n'
    .. 'Authorization: Bearer '
  for sku in string.gmatch(arguments[6], '[^,]+') do
    local body = '{"lines":[{"sku":"' .. sku .. '","quantity":1}]}'
    tails[#tails + 1] = '\r\nContent-Length: ' .. #body .. '\r\n\r\n' .. body
  end
end

function request()
  if uses % requests_a_token == 0 then token = next_token() end
  uses, count = uses + 1, count + 1
  return head .. token .. middle .. prefix .. count .. tails[count % #tails + 1]
end

function done(summary)
  local ran_out = 0
  for _, thread in ipairs(threads) do ran_out = ran_out + thread:get('exhausted') end
  local errors = summary.errors
  io.write(string.format('\nresult {"requests":%d,"seconds":%f,"refused":%d,"broken":%d,"ran_out":%d}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, ran_out))
end
