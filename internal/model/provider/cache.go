package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
	"time"

	"charm.land/fantasy"
	"charm.land/fantasy/providers/anthropic"

	"github.com/stewardhq/steward/internal/model"
)

// Providers keep the front of a prompt for some minutes. OpenAI, Azure, Gemini, xAI and others do so by themselves, and OpenAI and
// Azure find it better by a key. Claude models keep what they are told to keep, at a quarter more than the usual price: so the
// front is marked from the second time on that it is asked about within their five minutes.

// prefixLife is how long Claude models keep a prompt.
const prefixLife = 5 * time.Minute

// minPrefix is the shortest front that is worth to be kept, in bytes: some 1,000 tokens.
const minPrefix = 4 << 10

// maxPrefixes bounds how many fronts are remembered.
const maxPrefixes = 1024

// prefixes remembers the fronts of prompts that were sent. It is safe for concurrent use.
type prefixes struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[string]time.Time
}

// again notes that the front was sent and reports whether it was sent a moment ago, too.
func (p *prefixes) again(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	last, known := p.seen[key]
	if len(p.seen) >= maxPrefixes && !known {
		for old, at := range p.seen {
			if now.Sub(at) > prefixLife {
				delete(p.seen, old)
			}
		}
		if len(p.seen) >= maxPrefixes {
			clear(p.seen)
		}
	}
	if p.seen == nil {
		p.seen = map[string]time.Time{}
	}
	p.seen[key] = now
	return known && now.Sub(last) < prefixLife
}

// prefixOf names the front of a request's prompt: everything that stands before its task. "" means that it is too short to keep.
// The schema is part of it where the provider puts it in front.
func prefixOf(req *model.Request, a *ask) string {
	system := systemText(req, a)
	if len(system)+a.docs.size < minPrefix {
		return ""
	}
	h := sha256.New()
	_, _ = io.WriteString(h, system) // a hash never fails to write
	h.Write(a.docs.sum[:])
	if a.mode == modeSchema {
		h.Write(a.hash[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// keepHere marks the end of the front of a prompt for Claude models.
func keepHere() fantasy.ProviderOptions {
	return anthropic.NewProviderCacheControlOptions(&anthropic.ProviderCacheControlOptions{
		CacheControl: anthropic.CacheControl{Type: "ephemeral"},
	})
}
