// Drives cos-go-sdk-v5 against a server and prints one JSON object of what it saw.
//
// Arguments: the connection (proxy, domains or custom_domains), port, SecretId, SecretKey, a PNG photo, and
// SecretId, SecretKey and token of a temporary key.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"
)

// run is one client, connected one way, and what it has seen.
type run struct {
	*cos.Client
	http   *http.Client
	ctx    context.Context
	bucket string
	photo  string
	seen   map[string]any
}

func main() {
	connection, port, id, key, photo := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	bucket := "go-" + strings.ReplaceAll(connection, "_", "-") + "-1250000000"
	host, service, transport := connect(connection, port, bucket)
	base := &cos.BaseURL{BucketURL: address(host), CIURL: address(host), ServiceURL: address(service)}
	signing := &http.Client{Transport: &cos.AuthorizationTransport{SecretID: id, SecretKey: key, Transport: transport}}
	client := cos.NewClient(base, signing)
	client.Conf.RetryOpt.Count = 1 // what needs a second try is a fault
	work := &run{client, signing, context.Background(), bucket, photo, map[string]any{"bucket": bucket}}
	work.buckets()
	work.objects()
	work.multipart()
	work.access()
	work.images()
	work.errors()
	work.temporary(host, transport, os.Args[6], os.Args[7], os.Args[8])
	if err := json.NewEncoder(os.Stdout).Encode(work.seen); err != nil {
		panic(err)
	}
}

// connect gives the host of the bucket, that of the service, and the way to them. Dialling the server whatever
// the name stands for the DNS of who runs one under a domain of their own.
func connect(connection, port, bucket string) (string, string, *http.Transport) {
	server := net.JoinHostPort("127.0.0.1", port)
	if connection == "proxy" {
		proxy := http.ProxyURL(address(server))
		return bucket + ".cos.ap-shanghai.myqcloud.com", "service.cos.myqcloud.com", &http.Transport{Proxy: proxy}
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}
	host := bucket + ".localhost:" + port
	if connection == "custom_domains" {
		host = "go.pictures.test:" + port
	}
	return host, server, &http.Transport{DialContext: dial}
}

// temporary does a little with a temporary key.
func (r *run) temporary(host string, transport *http.Transport, id, key, token string) {
	client := cos.NewClient(&cos.BaseURL{BucketURL: address(host)}, &http.Client{Transport: &cos.AuthorizationTransport{
		SecretID: id, SecretKey: key, SessionToken: token, Transport: transport}})
	must(client.Object.Put(r.ctx, "by token", strings.NewReader("by token"), nil))
	signed := must(client.Object.GetPresignedURL2(r.ctx, http.MethodGet, "by token", time.Hour, nil))
	r.seen["temporary"] = []string{string(body(client.Object.Get(r.ctx, "by token", nil))), signed.String()}
}

func address(host string) *url.URL {
	return &url.URL{Scheme: "http", Host: host}
}

// must ends the program with the error of a call that has to work.
func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// answered is must for calls with a result and a response.
func answered[T any](value T, _ *cos.Response, err error) T {
	return must(value, err)
}

// body reads a response to its end.
func body(response *cos.Response, err error) []byte {
	defer must(response, err).Body.Close()
	return must(io.ReadAll(response.Body))
}

// failure is what the SDK makes of an error.
func failure(_ *cos.Response, err error) map[string]any {
	if answer, ok := err.(*cos.ErrorResponse); ok {
		return map[string]any{"status": answer.Response.StatusCode, "code": answer.Code, "message": answer.Message,
			"id": answer.RequestID != "" || answer.Response.Header.Get("X-Cos-Request-Id") != ""}
	}
	return map[string]any{"error": fmt.Sprint(err)}
}
