package lastcall.servlet;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import lastcall.shared.Exchange;
import lastcall.shared.Gate;

/** The gated application as a servlet. A servlet without a listener does not learn that its client has gone. */
public final class GatedServlet extends HttpServlet {
    private static final long serialVersionUID = 1;

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Gate.answer(new ServletExchange(request, response));
    }

    private record ServletExchange(HttpServletRequest request, HttpServletResponse response) implements Exchange {
        @Override
        public String method() {
            return request.getMethod();
        }

        @Override
        public String target() {
            String query = request.getQueryString();
            return request.getRequestURI() + (query == null ? "" : "?" + query);
        }

        @Override
        public InputStream body() throws IOException {
            return request.getInputStream();
        }

        @Override
        public OutputStream start(int status, long length) throws IOException {
            response.setStatus(status);
            response.setContentType("text/plain");
            if (length >= 0) {
                response.setContentLengthLong(length);
            }
            return response.getOutputStream();
        }
    }
}
