// The test application on net/http alone, with the HTTP/2 that is bundled into it.
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
