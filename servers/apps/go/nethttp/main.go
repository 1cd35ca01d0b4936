// The test application on net/http alone, with its bundled HTTP/2.
package main

import (
	"net/http"

	"lastcall.example/gate"
)

func main() {
	gate.Serve(func(server *http.Server, h2c bool) {
		if h2c {
			acceptH2C(server)
		}
	})
}
