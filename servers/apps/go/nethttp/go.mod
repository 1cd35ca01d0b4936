module lastcall.example/nethttp

// The version that h2c.go needs. Go 1.15 builds the module too: it leaves that file out, and only notes a newer version
// here when it cannot compile.
go 1.24

require lastcall.example/gate v0.0.0

replace lastcall.example/gate => ../gate
