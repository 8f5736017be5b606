"""What the key-value store does in one step, in Lua."""

from __future__ import annotations

_WHEN_FULL = "#!lua flags=allow-oom"
"""A takedown frees memory, and the pointer has its place: both must succeed in a store that is full."""
NO_VERSION = "no version"
"""What is said of a pointer that has not the form of a version, whatever it holds."""
MOVE = f"""{_WHEN_FULL}
local now = redis.pcall('GET', KEYS[1]) or ''
local digit, hex = '%d', '[0-9a-f]'
local form = '^' .. digit:rep(4) .. '%-' .. digit:rep(2) .. '%-' .. digit:rep(2) .. '%.' .. hex:rep(8) .. '$'
if type(now) == 'table' or (now ~= '' and not now:match(form)) then now = '{NO_VERSION}' end
if now ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
"""A value of another type than a string answers GET with an error, which is a table."""

CLAIM = f"""{_WHEN_FULL}
local now = redis.call('GET', KEYS[1])
if not now then
  now = ARGV[1]
  redis.call('SET', KEYS[1], now)
end
return now
"""
SWAP = f"""{_WHEN_FULL}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('UNLINK', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
"""
HOLDING = b"""
local found = {}
for at, key in ipairs(KEYS) do
  local body = redis.call('GET', key)
  for each = 1, body and #ARGV or 0 do
    if body:find(ARGV[each], 1, true) then
      found[#found + 1] = at - 1
      break
    end
  end
end
return found
"""
"""The places, from 0, of the keys whose values have any of the arguments in them: lists stay where they are."""
OTHER_VERSIONS = """
local page, found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2] .. '????-??-??.????????:*', 'COUNT', ARGV[3]), {}
local known, begin = {}, #ARGV[2]
for at = 4, #ARGV do known[ARGV[at]] = true end
for _, key in ipairs(page[2]) do
  if not known[key:sub(begin + 1, begin + 19)] then found[#found + 1] = key end
end
return {page[1], found}
"""
"""A page of the keys below a prefix that begin with another version than the known ones: names go through the server
alone. Arguments: where to go on, from 0, the prefix, how many keys to look at, and the known versions."""
AS_LONG = b"""
local said = {}
for at, key in ipairs(KEYS) do
  said[at] = redis.call('STRLEN', key) == struct.unpack('<I4', ARGV[1], 4 * at - 3) and '1' or '0'
end
return table.concat(said)
"""
"""For each key 1 or 0: whether its value has as many bytes as it must."""
