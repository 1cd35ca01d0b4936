# The gated application of docs/gate.md for Rack servers.
#
# Rack cannot inform an application that its client has gone, so `disconnected` is never reported. The head is sent when
# `call` returns, so `call` executes the orders up to the first `send` or `finish`, and the body the others.

require "socket"

LINE = "lastcall\n"
PIECE = 64 * 1024

# A held handler: the dialogue with the gate, and the body of the response.
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

  # Executes the orders before the response, and returns its head.
  def begin
    head = { "content-type" => "text/plain" }
    reporting_failure do
      @verb, @length = order
      head["content-length"] = @length.to_s if @verb == "finish"
      [200, head, self]
    end
  end

  # Yields the pieces of the body; the server has taken a piece when it requests the next one.
  def each(&block)
    reporting_failure do
      loop do
        pieces(&block)
        break report("finished #{@sent}") if @verb == "finish"

        report("sent #{@length}")
        @verb, @length = order
      end
    end
  end

  # The server always calls it, so an aborted handler ends without a last line.
  def close
    @gate.close
  end

  private

  # Returns the next order about the response.
  def order
    while (order = @gate.gets&.split)
      case order.first
      when "read" then report("read #{read}")
      when "send", "finish" then return order.first, order.last.to_i
      else raise ArgumentError, "unknown order: #{order.join(' ')}"
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

  def reporting_failure
    yield
  rescue StandardError => e
    report("failed #{e.class} #{e.message.split.join(' ')}")
    close
    raise
  end

  def report(line)
    @gate.write("#{line}\n")
  rescue SystemCallError, IOError
    # The gate has gone; the next read of its orders fails too.
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
