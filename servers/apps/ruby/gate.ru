# The gated application of docs/gate.md for Rack servers.
#
# Rack has no way to tell an application that its client is gone, so `disconnected` is never reported. A head goes with
# the return of `call`, so `call` obeys the orders up to the first `send` or `finish`, and the body the rest.

require "socket"

LINE = "lastcall\n"
PIECE = 64 * 1024

# A handler that is held: the conversation with the gate, and the body of the response.
class Held
  def initialize(env, id)
    @input = env["rack.input"]
    host, port = ENV.fetch("LASTCALL_GATE").split(":")
    @gate = TCPSocket.new(host, port.to_i)
    @sent = 0
    query = env["QUERY_STRING"].to_s
    target = env["PATH_INFO"] + (query.empty? ? "" : "?#{query}")
    report("entered #{id} #{env['REQUEST_METHOD']} #{target}")
  end

  # Obeys what comes before the response, and gives its head.
  def begin
    head = { "content-type" => "text/plain" }
    telling do
      @verb, @length = order
      head["content-length"] = @length.to_s if @verb == "finish"
      [200, head, self]
    end
  end

  # Gives the pieces of the body; a piece has been handed over when the server comes back for the next.
  def each(&block)
    telling do
      loop do
        pieces(&block)
        break report("finished #{@sent}") if @verb == "finish"

        report("sent #{@length}")
        @verb, @length = order
      end
    end
  end

  # The server calls it in any case, so a handler that was broken off ends without a word.
  def close
    @gate.close
  end

  private

  # Gives the next order that is about the response.
  def order
    while (words = @gate.gets&.split)
      case words.first
      when "read" then report("read #{read}")
      when "send", "finish" then return words.first, words.last.to_i
      else raise ArgumentError, "unknown order: #{words.join(' ')}"
      end
    end
    raise EOFError, "the gate closed without a finish"
  end

  def read
    total = 0
    while (piece = @input.read(PIECE))
      total += piece.bytesize
    end
    total
  end

  def pieces
    last = @sent + @length
    while @sent < last
      size = [last - @sent, PIECE].min
      yield (LINE * ((size / LINE.size) + 2))[@sent % LINE.size, size]
      @sent += size
    end
  end

  def telling
    yield
  rescue StandardError => e
    report("failed #{e.class} #{e.message.split.join(' ')}")
    close
    raise
  end

  def report(line)
    @gate.write("#{line}\n")
  rescue SystemCallError, IOError
    # The gate has gone, which the reading of its orders tells.
  end
end

def text(status, body)
  [status, { "content-type" => "text/plain", "content-length" => body.bytesize.to_s }, [body]]
end

run(lambda do |env|
  id = env["PATH_INFO"].delete_prefix("/hold/")
  if id != env["PATH_INFO"] && id.match?(%r{\A[^/]+\z})
    Held.new(env, id).begin
  elsif env["REQUEST_METHOD"] == "GET" && env["PATH_INFO"] == "/ready"
    text(200, "ready\n")
  else
    text(404, "not found\n")
  end
end)
