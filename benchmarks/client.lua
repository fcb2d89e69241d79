-- Sends the requests of a file one after the other, again and again, and tells at the end what came of it.
-- The file holds requests as they go over the wire, each behind a line with its length in bytes. In place of {n} comes
-- a number that no other request has, counted up from the second argument.

local requests, number, place = {}, 0, 0

function init(args)
   local file = io.open(args[1], "rb")
   for length in function() return file:read("*l") end do
      requests[#requests + 1] = file:read(tonumber(length))
   end
   file:close()
   number = tonumber(args[2])
end

function request()
   local raw = requests[place % #requests + 1]
   place, number = place + 1, number + 1
   return (raw:gsub("{n}", string.format("%d", number)))
end

function done(summary, latency)
   local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
   io.write(string.format('RESULT {"requests": %d, "seconds": %.6f, "failed": %d, "p50": %.3f, "p99": %.3f}\n',
      summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
