// The test application on net/http with the HTTP/2 of golang.org/x/net instead of the bundled one.
package main

import (
	"log"
	"net/http"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"lastcall.example/gate"
)

func main() {
	gate.Serve(func(server *http.Server, acceptH2C bool) {
		http2Server := new(http2.Server)
		if acceptH2C {
			server.Handler = h2c.NewHandler(server.Handler, http2Server)
		}
		// For h2c too: only so does Shutdown notify http2Server's connections.
		if err := http2.ConfigureServer(server, http2Server); err != nil {
			log.Fatal(err)
		}
	})
}
