package rest_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stewardhq/steward/internal/rest"
)

func TestTheAddressOfAClientIsWhatATrustedProxySaysItIs(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, tt := range map[string]struct {
		peer  string
		named []string
		want  string
	}{
		"no proxy":                            {"192.0.2.1:5", []string{"198.51.100.7"}, "192.0.2.1:5"},
		"a proxy":                             {"10.0.0.1:5", []string{"198.51.100.7"}, "198.51.100.7:0"},
		"a chain of proxies":                  {"10.0.0.1:5", []string{"198.51.100.7, 10.0.0.2"}, "198.51.100.7:0"},
		"several headers":                     {"10.0.0.1:5", []string{"203.0.113.9", "198.51.100.7"}, "198.51.100.7:0"},
		"a client that says it is another":    {"10.0.0.1:5", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7:0"},
		"a client that says it is a proxy":    {"192.0.2.1:5", []string{"10.0.0.9"}, "192.0.2.1:5"},
		"a proxy that says nothing":           {"10.0.0.1:5", nil, "10.0.0.1:5"},
		"a proxy that says nonsense":          {"10.0.0.1:5", []string{"198.51.100.7, unknown"}, "10.0.0.1:5"},
		"nonsense behind a proxy":             {"10.0.0.1:5", []string{"unknown, 10.0.0.2"}, "10.0.0.2:0"},
		"a port":                              {"10.0.0.1:5", []string{"198.51.100.7:81"}, "198.51.100.7:0"},
		"IPv6":                                {"[fd00::1]:5", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		"IPv6 with a port":                    {"[fd00::1]:5", []string{"[2001:db8::1]:81"}, "[2001:db8::1]:0"},
		"a proxy's IPv4 address within IPv6":  {"[::ffff:10.0.0.1]:5", []string{"198.51.100.7"}, "198.51.100.7:0"},
		"a client's IPv4 address within IPv6": {"10.0.0.1:5", []string{"::ffff:198.51.100.7"}, "198.51.100.7:0"},
		"a proxy on a link":                   {"[fd00::1%eth0]:5", []string{"198.51.100.7"}, "198.51.100.7:0"},
		"all are proxies":                     {"10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			h := rest.Forwarded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }), trusted)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			r.Header["X-Forwarded-For"] = tt.named
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want || r.RemoteAddr != tt.peer {
				t.Errorf("got %s, want %s; the request has %s", got, tt.want, r.RemoteAddr)
			}
		})
	}
}
