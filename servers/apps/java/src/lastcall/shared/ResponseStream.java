package lastcall.shared;

import java.io.IOException;
import java.io.OutputStream;

/** A response's body for a server that has no stream of its own: pieces are handed over as they are written. */
public abstract class ResponseStream extends OutputStream {
    @Override
    public final void write(int single) throws IOException {
        write(new byte[] {(byte) single}, 0, 1);
    }

    @Override
    public abstract void write(byte[] bytes, int offset, int length) throws IOException;

    @Override
    public abstract void flush() throws IOException;

    @Override
    public abstract void close() throws IOException;
}
