package gate

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

const noDrainTimeout = -1

// Serve is a whole program: it reads the arguments, lets prepare complete the server, and serves Handle.
//
// It stops like the example in the documentation of http.Server.Shutdown: on a signal it calls Shutdown, and main waits for
// its return. When Shutdown returns nil, Serve returns, for exit status 0. When the drain timeout, which is the deadline of
// Shutdown's context, expires first, Serve logs that, closes the remaining connections with Server.Close, and exits with 1.
// Without -drain the context has no deadline, as in that example.
func Serve(prepare func(server *http.Server, h2c bool)) {
	address := flag.String("address", "127.0.0.1:0", "where to listen, host:port")
	cert := flag.String("cert", "", "certificate chain, PEM; TLS with ALPN h2 and http/1.1 when given")
	key := flag.String("key", "", "the certificate's private key, PEM")
	drain := flag.Float64("drain", noDrainTimeout, "drain timeout in seconds; without it, Shutdown has no deadline")
	h2c := flag.Bool("h2c", false, "without TLS, accept HTTP/2 with prior knowledge beside HTTP/1.1")
	version := flag.Bool("version", false, "print the versions and exit")
	flag.Parse()
	if *version {
		printVersion()
		return
	}
	server := &http.Server{Addr: *address, Handler: http.HandlerFunc(Handle)}
	prepare(server, *h2c)
	stopped := make(chan error)
	go func() { stopped <- stop(server, *drain) }()

	var err error
	if *cert != "" {
		err = server.ListenAndServeTLS(*cert, *key)
	} else {
		err = server.ListenAndServe()
	}
	// Either returns as soon as Shutdown has begun; leaving main here would cut every request in flight.
	if err != http.ErrServerClosed {
		log.Fatal(err)
	}
	if err := <-stopped; err != nil {
		log.Print("shutdown: ", err)
		server.Close()
		os.Exit(1)
	}
}

// stop waits for the signal and returns what Shutdown returns.
func stop(server *http.Server, drainS float64) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	<-signals
	deadline := context.Background()
	if drainS != noDrainTimeout {
		var cancel context.CancelFunc
		deadline, cancel = context.WithTimeout(deadline, time.Duration(drainS*float64(time.Second)))
		defer cancel()
	}
	return server.Shutdown(deadline)
}

func printVersion() {
	fmt.Print(runtime.Version())
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == "golang.org/x/net" {
				fmt.Print(" x/net ", module.Version)
			}
		}
	}
	fmt.Println()
}
