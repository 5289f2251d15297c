package safehttp_test

import (
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/safehttp"
)

// internet is a network whose names come from a name server. Every address that is not on the public internet leads to a server
// that counts: nobody may ever get there.
type internet struct {
	*network
	names   *nameServer
	victims atomic.Int64
}

func newInternet(t *testing.T, zone map[string][][]string) *internet {
	t.Helper()
	x := &internet{network: &network{}, names: newNameServer(t, zone)}
	var inside []string
	for _, ip := range insideAddresses() {
		for _, port := range []string{"80", "443", "8080", "8443"} {
			inside = append(inside, netip.AddrPortFrom(netip.MustParseAddr(ip), 80).Addr().String()+":"+port)
		}
	}
	x.serve(t, func(http.ResponseWriter, *http.Request) { x.victims.Add(1) }, inside...)
	return x
}

func (x *internet) client(t *testing.T, opts safehttp.Options) *safehttp.Client {
	t.Helper()
	opts.Resolver, opts.Dial = x.names.resolver(), x.dial
	c, err := safehttp.New(&opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// unharmed fails the test when something inside was dialled.
func (x *internet) unharmed(t *testing.T) {
	t.Helper()
	for _, to := range x.dials() {
		ap, err := netip.ParseAddrPort(to)
		if err != nil || !safehttp.Public(ap.Addr()) {
			t.Errorf("dialled %s", to)
		}
	}
	if n := x.victims.Load(); n > 0 {
		t.Errorf("%d requests reached what is inside", n)
	}
}

// insideAddresses are IPv4 addresses of each kind that is no business of a stranger's.
func insideAddresses() []string {
	return []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.255",
		"169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.7", "198.18.0.1", "198.19.255.255",
		"198.51.100.7", "203.0.113.7", "192.88.99.1", "168.63.129.16", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
	}
}

// spellings returns hosts that some resolver, library or network somewhere takes for an IPv4 address.
func spellings(text string) []string {
	ip := netip.MustParseAddr(text)
	b := ip.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	hi, lo := n>>16, n&0xffff
	wide := func(s string) string { // digits of the full-width block
		return strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' {
				return '０' + c - '0'
			}
			return c
		}, s)
	}
	percent := func(s string) string {
		var out strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&out, "%%%02x", c)
		}
		return out.String()
	}
	list := []string{
		text, text + ".", strconv.FormatUint(uint64(n), 10), fmt.Sprintf("%d.", n), fmt.Sprintf("0x%x", n), fmt.Sprintf("0X%08X", n), fmt.Sprintf("0%o", n), fmt.Sprintf("0x%x.", n),
		fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]), fmt.Sprintf("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]),
		fmt.Sprintf("%03d.%03d.%03d.%03d", b[0], b[1], b[2], b[3]), fmt.Sprintf("0000%o.%d.%d.%d", b[0], b[1], b[2], b[3]), fmt.Sprintf("0x%x.%d.0%o.%d", b[0], b[1], b[2], b[3]),
		fmt.Sprintf("%d.%d.%d", b[0], b[1], lo), fmt.Sprintf("%d.%d", b[0], n&0xffffff), fmt.Sprintf("0x%x.%d", b[0], n&0xffffff), fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], uint32(b[3])+256),
		fmt.Sprintf("%d", uint64(n)+1<<32), wide(text), wide(fmt.Sprint(n)), strings.ReplaceAll(text, ".", "。"), strings.ReplaceAll(text, ".", "｡"), strings.ReplaceAll(text, ".", "．"), percent(text), text + "%00", text + "%20",
		"[::ffff:" + text + "]", fmt.Sprintf("[::ffff:%x:%x]", hi, lo), fmt.Sprintf("[0:0:0:0:0:ffff:%x:%x]", hi, lo), "[::" + text + "]", fmt.Sprintf("[::%x:%x]", hi, lo), "[::ffff:0:" + text + "]",
		"[64:ff9b::" + text + "]", fmt.Sprintf("[64:ff9b::%x:%x]", hi, lo), "[64:ff9b:1::" + text + "]", fmt.Sprintf("[2002:%x:%x::1]", hi, lo), fmt.Sprintf("[2001:0:4136:e378:8000:63bf:%x:%x]", ^hi&0xffff, ^lo&0xffff),
		fmt.Sprintf("[2001:0:%x:%x::1]", hi, lo), "[fe80::5efe:" + text + "]", "[::ffff:" + text + "%25eth0]", "[" + text + "]",
	}
	return list
}

// insideHosts6 are IPv6 hosts and names that need no look-up to be refused.
func insideHosts6() []string {
	return []string{
		"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::1%25lo]", "[::1%25]", "[fe80::1]", "[fe80::1%25eth0]", "[FE80::A]", "[fec0::1]", "[fc00::1]", "[fd00::1]", "[fd00:ec2::254]",
		"[fd20:ce::254]", "[ff02::1]", "[ff0e::1]", "[ff05::1:3]", "[100::1]", "[2001:db8::1]", "[2001::1]", "[2001:2::1]", "[2001:10::1]", "[2001:20::1]", "[3fff::1]", "[5f00::1]", "[4000::1]", "[8000::1]", "[::2]", "[::ffff:0:0]", "[64:ff9b:1:fffe::1]",
		"localhost", "LocalHost", "localhost.", "a.localhost", "a.b.LOCALHOST.", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ", "loc\u00adalhost", "[localhost]", "", ".", "..",
	}
}

// tricks are URLs around a host that readers of different schools read differently.
func tricks(host string) []string {
	return []string{
		"http://" + host + "/", "https://" + host + "/", "http://" + host + ":80/", "http://" + host + ":8080/path?x#y", "HTTP://" + host, "http://" + host + "?@example.com/", "http://" + host + "#@example.com/",
		"http://example.com@" + host + "/", "http://example.com:80@" + host + "/", "http://example.com%40@" + host + "/", "http://" + host + ":080/", "http:///" + host + "/", "http:/" + host + "/", "http:" + host, "//" + host + "/",
		"http://example.com\\@" + host + "/", "http://" + host + "\\@example.com/", "http://" + host + "\t/", " http://" + host + "/", "http://" + host + " /", "http://" + host + "\r\nX: y/", "http://\x00" + host + "/", "http:\\\\" + host + "\\",
	}
}

func TestNoSpellingOfAnAddressInsideIsFetched(t *testing.T) {
	t.Parallel()
	x := newInternet(t, map[string][][]string{"localhost": {{"127.0.0.1"}}})
	c := x.client(t, safehttp.Options{})
	var hosts []string
	for _, ip := range insideAddresses() {
		hosts = append(hosts, spellings(ip)...)
	}
	hosts = append(hosts, insideHosts6()...)
	cases := 0
	for _, host := range hosts {
		for _, u := range tricks(host) {
			cases++
			res, err := c.Get(t.Context(), u)
			if err == nil {
				t.Errorf("%q was fetched from %s", u, res.Request.URL)
				_ = res.Body.Close() // it failed already
				continue
			}
			wantBlockedOrUnknown(t, u, err)
		}
	}
	x.unharmed(t)
	if d := x.dials(); len(d) > 0 {
		t.Errorf("dialled %v", d)
	}
	t.Attr("cases", strconv.Itoa(cases))
}

// wantBlockedOrUnknown wants a refusal, or a host that does not exist: a name that is none is asked for nowhere, or in vain.
func wantBlockedOrUnknown(t *testing.T, u string, err error) {
	t.Helper()
	f, is := err.(*steward.Failure) //nolint:errorlint // the package promises this very type
	if !is || f.Transient || (f.Code != steward.FailFetchBlocked && f.Message != "The host of the URL does not exist.") {
		t.Errorf("%q: %v", u, err)
	}
}

func TestPortsThatServeNoPagesAreNotFetched(t *testing.T) {
	t.Parallel()
	x := newInternet(t, map[string][][]string{"public.example": {{"93.184.216.34"}}})
	c := x.client(t, safehttp.Options{})
	ports := []string{"0", "1", "22", "23", "25", "53", "79", "81", "110", "111", "135", "139", "143", "389", "445", "465", "587", "993", "2049", "2375", "2379", "3306", "3389", "5432", "5672", "5900", "6379", "6443", "8081", "8500", "9000", "9092", "9200", "10250", "11211", "27017", "65535", "65536", "65616", "131152", "4294967376", "-80", "+80", "0x50", "８０", "80 ", "080:80", "http"}
	for _, port := range ports {
		for _, host := range []string{"public.example", "93.184.216.34", "[2606:4700::1111]"} {
			_, err := c.Get(t.Context(), "http://"+host+":"+port+"/")
			wantFailure(t, err, steward.FailFetchBlocked, false)
			if t.Failed() {
				t.Fatalf("port %q of %s", port, host)
			}
		}
	}
	if d := x.dials(); len(d) > 0 {
		t.Errorf("dialled %v", d)
	}
	t.Attr("cases", strconv.Itoa(3*len(ports)))
}

// insideNames are names of strangers, and of clouds, whose addresses are inside. All answers come from a name server.
func insideNames() map[string][][]string {
	return map[string][][]string{
		"metadata.google.internal": {{"169.254.169.254"}}, "metadata": {{"169.254.169.254"}}, "metadata.azure.internal": {{"169.254.169.254"}}, "instance-data.ec2.internal": {{"169.254.169.254"}},
		"host.docker.internal": {{"172.17.0.1"}}, "kubernetes.default.svc": {{"10.96.0.1"}}, "kubernetes.default.svc.cluster.local": {{"10.96.0.1"}}, "rancher-metadata": {{"169.254.169.250"}},
		"loopback.evil.example": {{"127.0.0.1"}}, "zero.evil.example": {{"0.0.0.0"}}, "alibaba.evil.example": {{"100.100.100.200"}}, "oracle.evil.example": {{"192.0.0.192"}}, "azure.evil.example": {{"168.63.129.16"}},
		"six.evil.example": {{"::1"}}, "unspecified6.evil.example": {{"::"}}, "local6.evil.example": {{"fe80::1"}}, "unique.evil.example": {{"fd00:ec2::254"}}, "mapped.evil.example": {{"::ffff:127.0.0.1"}}, "compatible.evil.example": {{"::7f00:1"}},
		"nat64.evil.example": {{"64:ff9b::7f00:1"}}, "sixtofour.evil.example": {{"2002:7f00:1::1"}}, "teredo.evil.example": {{"2001:0:4136:e378:8000:63bf:80ff:fffe"}}, "multicast.evil.example": {{"ff02::1"}},
		// Several addresses of which one is inside, in any order and family.
		"first.evil.example": {{"127.0.0.1", "93.184.216.34"}}, "last.evil.example": {{"93.184.216.34", "127.0.0.1"}}, "other-family.evil.example": {{"93.184.216.34", "::1"}}, "six-and-four.evil.example": {{"2606:4700::1111", "10.0.0.1"}},
		"fifth.evil.example": {{"93.184.216.34", "93.184.216.35", "93.184.216.36", "93.184.216.37", "10.0.0.1"}},
		// Chains.
		"alias.evil.example": {{"→loopback.evil.example"}}, "chain.evil.example": {{"→link1.evil.example"}}, "link1.evil.example": {{"→link2.evil.example"}}, "link2.evil.example": {{"→metadata.google.internal"}},
		"to-localhost.evil.example": {{"→localhost"}}, "localhost": {{"127.0.0.1"}}, "circle1.evil.example": {{"→circle2.evil.example"}}, "circle2.evil.example": {{"→circle1.evil.example"}},
	}
}

func TestNamesThatLeadInsideAreNotFetched(t *testing.T) {
	t.Parallel()
	zone := insideNames()
	x := newInternet(t, zone)
	x.serve(t, text("public"), "93.184.216.34:80")
	c := x.client(t, safehttp.Options{})
	cases := 0
	for name := range zone {
		for _, u := range []string{"http://" + name + "/", "https://" + name + ":8443/", "http://" + strings.ToUpper(name) + "./"} {
			cases++
			res, err := c.Get(t.Context(), u)
			if err == nil {
				t.Errorf("%s was fetched", u)
				_ = res.Body.Close() // it failed already
				continue
			}
			if f, is := err.(*steward.Failure); !is || f.Code != steward.FailFetchBlocked && !strings.HasPrefix(name, "circle") { //nolint:errorlint // as promised
				t.Errorf("%s: %v", u, err)
			}
		}
	}
	x.unharmed(t)
	if d := x.dials(); len(d) > 0 {
		t.Errorf("dialled %v", d)
	}
	t.Attr("cases", strconv.Itoa(cases))
}

func TestAddressesThatAreCheckedAreThoseThatAreDialled(t *testing.T) {
	t.Parallel()
	public, inside := []string{"93.184.216.34"}, []string{"127.0.0.1"}
	rebinding := [][]string{public, inside}
	x := newInternet(t, map[string][][]string{
		"once.example": rebinding, "again.example": rebinding, "hop.example": rebinding, "alias.example": {{"→good.example"}, {"→bad.example"}}, "good.example": {public}, "bad.example": {inside},
		"flicker.example": {public, inside, public, inside}, "honest.example": {public}, "broken.example": {{"!"}}, "empty.example": {{}}, "mapped.example": {{"::ffff:93.184.216.34"}},
	})
	x.serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // the next request looks the name up again
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "public") // the client's side is checked
	}, "93.184.216.34:80")
	c := x.client(t, safehttp.Options{})
	fetch := func(u string) error {
		res, err := c.Get(t.Context(), u)
		if err != nil {
			return err
		}
		_, err = readAll(res)
		return err
	}
	good := func(u string) {
		t.Helper()
		if err := fetch(u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	bad := func(u string) { t.Helper(); wantFailure(t, fetch(u), steward.FailFetchBlocked, false) }

	good("http://once.example/")
	if n := x.names.questions("once.example"); n != 2 { // A and AAAA
		t.Errorf("%d questions for one connection, want 2: what is dialled must be what was checked", n)
	}
	good("http://again.example/")
	bad("http://again.example/")
	bad("http://hop.example/?to=" + url.QueryEscape("http://hop.example/secret")) // the second hop looks up again, and is checked again
	good("http://alias.example/")
	bad("http://alias.example/")
	for i := range 6 {
		if i%2 == 0 && i < 4 {
			good("http://flicker.example/")
		} else {
			bad("http://flicker.example/")
		}
	}
	good("http://mapped.example/")
	good("http://honest.example/")
	wantFailure(t, fetch("http://unknown.example/"), steward.FailFetchTimeout, false)
	wantFailure(t, fetch("http://empty.example/"), steward.FailFetchTimeout, false)
	wantFailure(t, fetch("http://broken.example/"), steward.FailFetchTimeout, true)
	x.unharmed(t)
	t.Attr("cases", "17")
}

func TestRedirectsLeadNowhereInside(t *testing.T) {
	t.Parallel()
	zone := insideNames()
	zone["start.example"] = [][]string{{"93.184.216.34"}}
	x := newInternet(t, zone)
	x.serve(t, func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.URL.Query().Get("code"))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header()["Location"] = []string{r.URL.Query().Get("to")}
		w.WriteHeader(code)
	}, "93.184.216.34:80")
	c := x.client(t, safehttp.Options{})
	targets := []string{"file:///etc/passwd", "gopher://start.example/", "ftp://start.example/", "data:text/plain,x", "javascript:1", "unix:///var/run/docker.sock", "http://user:password@start.example/", "http://start.example:22/", "//127.0.0.1/", "http:127.0.0.1"}
	for _, ip := range insideAddresses() {
		targets = append(targets, "http://"+ip+"/", "http://[::ffff:"+ip+"]/")
	}
	for _, host := range append(spellings("127.0.0.1"), insideHosts6()...) {
		targets = append(targets, "http://"+host+"/")
	}
	for name := range insideNames() {
		targets = append(targets, "http://"+name+"/")
	}
	cases := 0
	for _, to := range targets {
		for _, code := range []int{301, 302, 303, 307, 308} {
			cases++
			res, err := c.Get(t.Context(), fmt.Sprintf("http://start.example/?code=%d&to=%s", code, url.QueryEscape(to)))
			if err == nil {
				if res.StatusCode/100 == 2 {
					t.Errorf("%d to %q was followed to %s", code, to, res.Request.URL)
				}
				_ = res.Body.Close() // it failed already
			}
		}
	}
	x.unharmed(t)
	t.Attr("cases", strconv.Itoa(cases))
}

// TestCredentialsDoNotFollowFromHTTPSToHTTP speaks real TLS, with an authority of the test's own.
func TestCredentialsDoNotFollowFromHTTPSToHTTP(t *testing.T) {
	t.Parallel()
	x := newInternet(t, map[string][][]string{"example.com": {{"93.184.216.34"}}})
	var seen http.Header
	x.serve(t, func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }, "93.184.216.34:80")
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://example.com/plain", http.StatusTemporaryRedirect)
	}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS() // its certificate is for example.com
	t.Cleanup(secure.Close)
	x.servers["93.184.216.34:443"] = secure.Listener.Addr().String()
	c := x.client(t, safehttp.Options{})
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	c.Trust(pool)
	secrets := []string{"Authorization", "Cookie", "X-Api-Key", "Proxy-Authorization", "X-Amz-Security-Token", "Referer", "Webhook-Signature"}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/?token=secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range secrets {
		req.Header.Set(name, "secret")
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(res); err != nil || seen == nil {
		t.Fatalf("the redirect was not followed: %v", err)
	}
	for name, values := range seen {
		if strings.Contains(strings.Join(values, " "), "secret") {
			t.Errorf("%s: %v went out in the clear", name, values)
		}
	}
	t.Attr("cases", strconv.Itoa(len(secrets)))
}

// TestProxiesOfTheEnvironmentAreNotUsed sets variables, so it does not run beside other tests.
func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) { //nolint:paralleltest // see above
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(proxy.Close)
	variables := []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}
	for _, name := range variables {
		t.Setenv(name, proxy.URL)
	}
	t.Setenv("NO_PROXY", "")
	x := newInternet(t, map[string][][]string{"public.example": {{"93.184.216.34"}}, "inside.example": {{"10.0.0.1"}}})
	x.serve(t, text("direct"), "93.184.216.34:80")
	c := x.client(t, safehttp.Options{Timeout: 10 * time.Second})
	res, err := c.Get(t.Context(), "http://public.example/")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(res); err != nil || got != "direct" {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = c.Get(t.Context(), "http://inside.example/")
	wantFailure(t, err, steward.FailFetchBlocked, false)
	if n := asked.Load(); n > 0 {
		t.Errorf("the proxy was asked %d times", n)
	}
	x.unharmed(t)
	t.Attr("cases", strconv.Itoa(len(variables)))
}
