package rest

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Forwarded gives requests that come through a trusted proxy the address of the client that the proxy names in X-Forwarded-For: the last one
// there that is not a trusted proxy itself. What stands before it the client may have written, so it is not looked at. Requests from elsewhere
// keep their address, whatever they say.
func Forwarded(next http.Handler, trusted []netip.Prefix) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	trusts := func(a netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !trusts(peer.Addr().Unmap().WithZone("")) {
			next.ServeHTTP(w, r)
			return
		}
		named := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, word := range slices.Backward(named) {
			a, ok := forwardedAddr(word)
			if !ok {
				break
			}
			peer = netip.AddrPortFrom(a, 0)
			if !trusts(a) {
				break
			}
		}
		r = r.WithContext(r.Context()) // a copy: the address is not ours to change
		r.RemoteAddr = peer.String()
		next.ServeHTTP(w, r)
	})
}

// forwardedAddr reads an address as proxies write it: with a port or without, an IPv6 address in brackets or bare.
func forwardedAddr(word string) (netip.Addr, bool) {
	word = strings.TrimSpace(word)
	if host, _, err := net.SplitHostPort(word); err == nil {
		word = host
	}
	a, err := netip.ParseAddr(strings.Trim(word, "[]"))
	return a.Unmap().WithZone(""), err == nil
}
