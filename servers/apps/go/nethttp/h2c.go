//go:build go1.24
// +build go1.24

package main

import "net/http"

// acceptH2C turns on HTTP/2 without TLS, which net/http has had since Go 1.24: https://go.dev/doc/go1.24#nethttppkgnethttp
func acceptH2C(server *http.Server) {
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
}
