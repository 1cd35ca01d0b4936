// Package gate is the test application of docs/gate.md. It uses only what Go 1.15 has, because that version runs it too.
package gate

import (
	"bufio"
	"fmt"
	"io"
	"io/ioutil"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

const line = "lastcall\n"

// Handle serves the routes of the gate's protocol; the gate's address is in LASTCALL_GATE.
func Handle(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/hold/")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/ready":
		io.WriteString(w, "ready\n")
	case id != r.URL.Path && id != "" && !strings.Contains(id, "/"):
		hold(w, r, id)
	default:
		http.NotFound(w, r)
	}
}

func hold(w http.ResponseWriter, r *http.Request, id string) {
	gate, err := net.Dial("tcp", os.Getenv("LASTCALL_GATE"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer gate.Close()
	h := &handler{w: w, r: r, gate: gate}
	h.report("entered", id, r.Method, r.RequestURI)
	go func() {
		<-r.Context().Done() // also done when the handler has returned, but after the last line nothing is reported
		h.report("disconnected")
	}()
	if err := h.obey(bufio.NewScanner(gate)); err != nil {
		h.report("failed", strings.Join(strings.Fields(err.Error()), " "))
		// A return would end the response as if it were whole; net/http aborts the response on this panic.
		panic(http.ErrAbortHandler)
	}
}

// handler is one held request. One goroutine executes its orders; another one may report.
type handler struct {
	w         http.ResponseWriter
	r         *http.Request
	gate      net.Conn
	head      bool // the response's head has been sent
	sent      int  // body bytes
	reporting sync.Mutex
	ended     bool // the last line has been reported
}

// obey executes the orders, and returns nil when the response is whole.
func (h *handler) obey(orders *bufio.Scanner) (err error) {
	for err == nil && !h.ended && orders.Scan() {
		order := append(strings.Fields(orders.Text()), "", "")
		n, _ := strconv.Atoi(order[1])
		switch order[0] {
		case "read":
			var size int64
			if size, err = io.Copy(ioutil.Discard, h.r.Body); err == nil {
				h.report("read", size)
			}
		case "send", "finish":
			err = h.send(n, order[0] == "finish")
		default:
			err = fmt.Errorf("unknown order %q", orders.Text())
		}
	}
	if err == nil && !h.ended {
		err = fmt.Errorf("the gate closed without a finish")
	}
	return err
}

// send writes the next n bytes of the body. The last piece is flushed when the handler returns, which it then does at once.
func (h *handler) send(n int, finish bool) error {
	if !h.head {
		h.head = true
		h.w.Header().Set("Content-Type", "text/plain")
		if finish {
			h.w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		h.w.WriteHeader(http.StatusOK)
	}
	begin := h.sent % len(line)
	_, err := io.WriteString(h.w, strings.Repeat(line, n/len(line)+2)[begin:begin+n])
	h.sent += n
	if err == nil && finish {
		h.report("finished", h.sent)
	} else if err == nil {
		h.w.(http.Flusher).Flush()
		h.report("sent", n)
	}
	return err
}

// report writes one line, but none after the last one. It ignores a gate that has gone: reading its orders then fails.
func (h *handler) report(fields ...interface{}) {
	h.reporting.Lock()
	defer h.reporting.Unlock()
	if !h.ended {
		fmt.Fprintln(h.gate, fields...)
	}
	// Only the goroutine that executes orders writes it, and therefore reads it without the lock.
	if fields[0] == "finished" || fields[0] == "failed" {
		h.ended = true
	}
}
