//go:build !go1.24
// +build !go1.24

package main

import (
	"log"
	"net/http"
	"runtime"
)

// acceptH2C ends the program: before Go 1.24, net/http had no HTTP/2 without TLS.
func acceptH2C(*http.Server) {
	log.Fatal(runtime.Version(), " has no h2c in net/http")
}
