-- Makes each request of wrk another payment: of the next reservation of a file.
--
-- Arguments: file of ids, one a line; API key.

local file, head
local threads = {}

exhausted = 0

function setup(thread) threads[#threads + 1] = thread end

function init(arguments)
  file = assert(io.open(arguments[1], 'rb'))
  head = '/confirm HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n'
    .. 'Authorization: Bearer ' .. arguments[2] .. '\r\nContent-Length: '
end

function request()
  local id = file:read('*l')
  if not id then
    exhausted = 1
    file:seek('set', 0)
    id = file:read('*l')
  end
  local body = '{"payment_reference":"payment-' .. id .. '"}'
  return 'POST /v1/reservations/' .. id .. head .. #body .. '\r\n\r\n' .. body
end

function done(summary)
  local ran_out = 0
  for _, thread in ipairs(threads) do ran_out = ran_out + thread:get('exhausted') end
  local errors = summary.errors
  io.write(string.format('\nresult {"requests":%d,"seconds":%f,"refused":%d,"broken":%d,"ran_out":%d}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, ran_out))
end
