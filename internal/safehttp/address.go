package safehttp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// forbidden4 are the IPv4 networks that are not hosts of the public internet: IANA's special-purpose registry, multicast, the
// reserved end, and the one metadata service of a cloud that stands outside of these.
func forbidden4() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",        // this network
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // carrier-grade NAT; metadata of Alibaba
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // the host agent of Azure
		"169.254.0.0/16",   // link-local; metadata of most clouds
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments; metadata of Oracle
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, broadcast
	)
}

// public6 is where the public hosts of IPv6 are. Loopback, mapped and compatible IPv4, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique
// local, link-local, site-local, discard-only, segment routing and multicast addresses are all outside.
func public6() netip.Prefix { return netip.MustParsePrefix("2000::/3") }

// forbidden6 are the networks inside public6 that are not for hosts, or wrap an IPv4 address.
func forbidden6() []netip.Prefix {
	return prefixes(
		"2001::/23",     // protocol assignments: Teredo, ORCHID, benchmarks
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4
		"3fff::/20",     // documentation
	)
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Public reports whether ip is an address that a host of the public internet can have. IPv4 addresses in IPv6 clothes (mapped,
// NAT64, 6to4, Teredo) are not, and neither are addresses with a zone.
func Public(ip netip.Addr) bool {
	contains := func(p netip.Prefix) bool { return p.Contains(ip) }
	switch {
	case !ip.IsValid() || ip.Zone() != "" || ip.Is4In6():
		return false
	case ip.Is4():
		return !slices.ContainsFunc(forbidden4(), contains)
	default:
		return public6().Contains(ip) && !slices.ContainsFunc(forbidden6(), contains)
	}
}

// check applies the rules that need no network to a URL.
func (c *Client) check(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return blocked("Only http and https URLs are fetched.")
	}
	host := normalHost(u.Hostname())
	if host == "" || u.Opaque != "" {
		return blocked("The URL has no host.")
	}
	if u.User != nil {
		return blocked("URLs with a user or password are not fetched.")
	}
	ip, err := netip.ParseAddr(host)
	if err != nil && looksLikeIPv4(host) {
		return blocked("The URL's host is not a valid address.")
	}
	allowed := c.hosts[host]
	if err == nil {
		allowed = allowed || c.allowsNetwork(ip)
		if !allowed && !Public(ip) {
			return notPublic(host)
		}
	}
	if err != nil && !allowed && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
		return notPublic(host)
	}
	port, err := strconv.ParseUint(portOf(u), 10, 16)
	if err != nil || port == 0 {
		return blocked("The URL's port is not valid.")
	}
	// A name may turn out to stand in an allowed network, where any port is fine: the dialler looks again.
	if !allowed && len(c.opts.AllowNetworks) == 0 && !slices.Contains(c.opts.AllowPorts, uint16(port)) {
		return blocked("Port %d is not fetched from.", port)
	}
	return nil
}

// dial connects to an address of the host that was checked, and to no other.
func (c *Client) dial(ctx context.Context, network, hostport string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, blocked("The URL's host is not valid.")
	}
	ips, err := c.addresses(ctx, host, port)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, ip := range ips {
		conn, err := c.opts.Dial(ctx, network, net.JoinHostPort(ip.String(), port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// addresses returns the addresses of a host, IPv4 first, when all of them may be reached on the port. At most four: a host that
// answers on none of these is down.
func (c *Client) addresses(ctx context.Context, host, portText string) ([]netip.Addr, error) {
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, blocked("The URL's port is not valid.")
	}
	ips, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if !c.hosts[normalHost(host)] {
		for _, ip := range ips {
			if err := c.checkAddress(host, ip, uint16(port)); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(ips, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return ips[:min(len(ips), 4)], nil
}

func (c *Client) checkAddress(host string, ip netip.Addr, port uint16) error {
	switch {
	case c.allowsNetwork(ip):
		return nil
	case !Public(ip):
		return notPublic(normalHost(host))
	case !slices.Contains(c.opts.AllowPorts, port):
		return blocked("Port %d is not fetched from.", port)
	default:
		return nil
	}
}

// resolve returns all addresses of a host, at least one.
func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	found, err := c.opts.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	ips := make([]netip.Addr, len(found))
	for i, ip := range found {
		ips[i] = ip.Unmap() // resolvers hand out IPv4 addresses in the mapped form
	}
	return ips, nil
}

func (c *Client) allowsNetwork(ip netip.Addr) bool {
	ip = ip.WithZone("")
	return slices.ContainsFunc(c.opts.AllowNetworks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// normalHost folds the spellings of one host name: case, the dot at the end, brackets.
func normalHost(h string) string {
	h = strings.TrimSuffix(strings.ToLower(h), ".")
	return strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")
}

// looksLikeIPv4 reports whether resolvers of some systems would read the name as an IPv4 address: its last label is a number.
func looksLikeIPv4(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if digits, hex := strings.CutPrefix(last, "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
