-- Appends the one entry of this call to the sale's history. It is the first write of a script
-- and the only one that can still fail, because Lua does not roll back.
local function append(stream, kind, epoch, first, last, now, stock, body)
  redis.call('XADD', stream, string.format('%d-0', last), 'kind', kind, 'epoch', epoch,
    'first', string.format('%d', first), 'at_ms', string.format('%d', now), 'stock', stock,
    'body', body)
end
