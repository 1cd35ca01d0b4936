package lastcall.shared;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** One request with its response, as any server gives them to a handler that may block. */
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

    /** Has a word run when the server tells that the client is gone, if it ever does. */
    default void whenGone(Runnable word) {}
}
