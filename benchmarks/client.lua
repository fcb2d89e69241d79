-- Sends the requests of a file, one after the other from a random place on, and tells at the end what came of it.
-- A line is: method, path, body, separated by tabs; {n} becomes a number that no request had before.

local lines, place, sent = {}, 0, 0

function init(args)
   math.randomseed(os.time())
   for line in io.lines(args[1]) do
      local method, path, body = line:match("^(%S+)\t(%S+)\t(.*)$")
      lines[#lines + 1] = { method = method, path = path, body = body }
   end
   place = math.random(#lines)
   start = os.time() * 100000
end

function request()
   local line = lines[place % #lines + 1]
   place, sent = place + 1, sent + 1
   local number = string.format("%d", start + sent)
   local body = line.body:gsub("{n}", number)
   return wrk.format(line.method, line.path, nil, body ~= "" and body or nil)
end

function done(summary, latency, requests)
   local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
   io.write(string.format('RESULT {"requests": %d, "seconds": %.6f, "failed": %d, "p50": %.3f, "p99": %.3f}\n',
      summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
