package lastcall.shared;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** One request with its response, on any server whose handlers may block. */
public interface Exchange {
    String method();

    /** The request's path, with its query if it has one, as the client wrote it. */
    String target();

    InputStream body() throws IOException;

    /**
     * Begins a response of plain text.
     *
     * @param length of the body in bytes; -1 if it is not known yet
     * @return where the body goes: {@code flush} hands over what was written, {@code close} ends the response
     */
    OutputStream start(int status, long length) throws IOException;

    /** Runs an action when the server reports that the client has gone, if it ever does. */
    default void whenGone(Runnable action) {}
}
