package app

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/admit"
)

// RequestsConfig bounds what is taken in over HTTP.
type RequestsConfig struct {
	PerKey          float64       `yaml:"per_key"`           // requests a second of one key; 0 means no limit
	PerKeyBurst     int           `yaml:"per_key_burst"`     // at once after a rest; 0 means twice as many as in a second
	PerAddress      float64       `yaml:"per_address"`       // requests a second of one address without a valid key; 0 means no limit
	PerAddressBurst int           `yaml:"per_address_burst"` // as above
	Active          int           `yaml:"active"`            // worked on at once; 0 means 32 for each processor, at least 64
	Heavy           int           `yaml:"heavy"`             // besides: lists, and what is about many jobs; 0 means 4 for each processor, at least 8
	Uploads         int           `yaml:"uploads"`           // uploads at once; 0 means 256
	Waiting         int           `yaml:"waiting"`           // synchronous runs that are waited for; 0 means 20,000
	BodyMiB         int           `yaml:"body_mib"`          // of bodies that are held in memory at once
	Wait            time.Duration `yaml:"wait"`              // for its turn, in a passing rush
	Connections     int           `yaml:"connections"`       // at once; 0 means what the system lets the process open, less a fifth
	TrustedProxies  []string      `yaml:"trusted_proxies"`   // addresses and networks (CIDR) whose X-Forwarded-For is believed
}

// defaultRequests are generous: what one program asks by itself is never too much.
func defaultRequests() RequestsConfig {
	return RequestsConfig{
		PerKey: 10_000, PerKeyBurst: 20_000, PerAddress: 200, PerAddressBurst: 2000,
		BodyMiB: 128, Wait: 300 * time.Millisecond,
	}
}

// minBodyMiB has room for the largest body in the share of an organization.
const minBodyMiB = 16

func (c *RequestsConfig) check() error {
	rate := func(perSecond float64, burst int) bool {
		return perSecond >= 0 && !math.IsInf(perSecond, 0) && burst >= 0
	}
	for _, rule := range []struct {
		ok        bool
		key, must string
	}{
		{rate(c.PerKey, 0), "per_key", "must be a number of at least 0"},
		{rate(0, c.PerKeyBurst), "per_key_burst", "must not be negative"},
		{rate(c.PerAddress, 0), "per_address", "must be a number of at least 0"},
		{rate(0, c.PerAddressBurst), "per_address_burst", "must not be negative"},
		{c.Active >= 0, "active", "must not be negative"},
		{c.Heavy >= 0, "heavy", "must not be negative"},
		{c.Uploads >= 0, "uploads", "must not be negative"},
		{c.Waiting >= 0, "waiting", "must not be negative"},
		{c.BodyMiB >= minBodyMiB && c.BodyMiB <= 1<<20, "body_mib", fmt.Sprintf("must be from %d to %d", minBodyMiB, 1<<20)},
		{c.Wait >= time.Millisecond && c.Wait <= 10*time.Second, "wait", "must be from 1ms to 10s"},
		{c.Connections >= 0, "connections", "must not be negative"},
	} {
		if !rule.ok {
			return fmt.Errorf("requests.%s: %s", rule.key, rule.must)
		}
	}
	_, err := c.trusted()
	return err
}

// trusted are the networks of the proxies that are believed.
func (c *RequestsConfig) trusted() ([]netip.Prefix, error) {
	list := make([]netip.Prefix, len(c.TrustedProxies))
	for i, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if a, bare := netip.ParseAddr(text); bare == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err == nil && p.Addr().Is4In6() {
			return nil, fmt.Errorf("requests.trusted_proxies: %q must be written as an IPv4 address or network", text)
		}
		if err != nil {
			return nil, fmt.Errorf("requests.trusted_proxies: %q is neither an address nor a network such as 10.0.0.0/8", text)
		}
		list[i] = p.Masked()
	}
	return list, nil
}

// limits are those of the door.
func (c *RequestsConfig) limits() *admit.Options {
	return &admit.Options{
		PerKey: admit.Rate{PerSecond: c.PerKey, Burst: c.PerKeyBurst}, PerAddress: admit.Rate{PerSecond: c.PerAddress, Burst: c.PerAddressBurst},
		Active: c.Active, Heavy: c.Heavy, Uploads: c.Uploads, Waiters: c.Waiting, BodyBytes: int64(c.BodyMiB) << 20, Wait: c.Wait,
	}
}

// connections returns how many connections there may be at once; 0 means no limit. What the database, files, models and webhooks
// open has room besides.
func (c *RequestsConfig) connections() int {
	if c.Connections > 0 {
		return c.Connections
	}
	files := openFiles()
	return max(files-max(files/5, 256), files/2)
}

// checkQueued looks at the limits of jobs that wait.
func (l *LimitsConfig) checkQueued() error {
	for key, n := range map[string]int64{"queued": l.Queued, "queued_per_organization": l.QueuedPerOrganization} {
		if n != 0 && n < jobs.MaxItems {
			return fmt.Errorf("limits.%s: must be 0, for no limit, or at least %d", key, jobs.MaxItems)
		}
	}
	return nil
}

func (l *LimitsConfig) backlog() jobs.Backlog {
	return jobs.Backlog{Total: l.Queued, PerOrganization: l.QueuedPerOrganization}
}
