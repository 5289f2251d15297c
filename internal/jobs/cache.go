package jobs

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/store"
)

// How long a result answers equal runs.
const (
	cacheTTL     = 30 * 24 * time.Hour
	cacheTTLLive = 24 * time.Hour // when it depends on what stands at a URL
)

// cacheUse says how a job and the cache of results meet; nil when they do not.
func (in *intake) cacheUse(config engine.Config, inputs []steward.Input) (*store.CacheUse, error) {
	if in.version.BaseAgent.DisableCache {
		return nil, nil
	}
	reuse, ok := in.prog.Reuse(config)
	if !ok {
		return nil, nil
	}
	key, err := in.cacheKey(reuse, inputs)
	if err != nil {
		return nil, err
	}
	use := &store.CacheUse{Key: key, Read: !in.skipCache, ReadFailure: in.version.BaseAgent.CacheFailedJobs, TTL: cacheTTL}
	if reuse.Live || slices.ContainsFunc(inputs, namesURL) {
		use.TTL = cacheTTLLive
	}
	return use, nil
}

// keyOf returns the key of what a run of a version does now: models and engines may have changed since it was submitted. A result that is
// not to be reused any more has the key of nothing, all zeros.
func keyOf(org steward.OrganizationID, v *steward.Version, prog *engine.Program, config engine.Config, inputs []steward.Input) (*[32]byte, error) {
	reuse, ok := prog.Reuse(config)
	if !ok {
		return new([32]byte), nil
	}
	in := &intake{who: &steward.Principal{OrganizationID: org}, version: v, prog: prog}
	key, err := in.cacheKey(reuse, inputs)
	return &key, err
}

// namesURL reports whether an input is a URL, or a file behind one.
func namesURL(in steward.Input) bool {
	return !in.JSON && engine.IsURL(strings.TrimSpace(in.Value)) ||
		slices.ContainsFunc(in.Files, func(f steward.File) bool { return f.SourceURL != "" })
}

// cacheKey identifies what a run does: the SHA-256 of the canonical JSON of whose run it is, the version, the engine's code, the model
// and the inputs. Texts count without blanks around them and in Unicode's composed form, JSON by its values, files by their content, and URLs
// as they stand. Metadata, time limits and the names of files do not count. Long texts must stand in Value.
func (in *intake) cacheKey(r engine.Reuse, inputs []steward.Input) ([32]byte, error) {
	b := in.key[:0]
	b = append(b, `{"engine":`...)
	b = appendString(b, in.version.EngineClassID)
	b = append(b, `,"inputs":{`...)
	for i := range inputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, inputs[i].Key), ':')
		var err error
		if b, err = appendInput(b, &inputs[i]); err != nil {
			return [32]byte{}, fmt.Errorf("input %s: %w", inputs[i].Key, err)
		}
	}
	b = append(b, `},"model":`...)
	b = appendString(b, r.Model)
	b = append(b, `,"organization":`...)
	b = appendString(b, string(in.who.OrganizationID))
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, int64(r.Revision), 10)
	b = append(b, `,"version":`...)
	b = append(appendString(b, string(in.version.ID)), '}')
	in.key = b
	return sha256.Sum256(b), nil
}

// appendInput writes an input in canonical form: {"json":…}, {"text":…} or {"files":[…]}.
func appendInput(b []byte, in *steward.Input) ([]byte, error) {
	switch {
	case len(in.Files) > 0:
		b = append(b, `{"files":[`...)
		for i, f := range in.Files {
			if i > 0 {
				b = append(b, ',')
			}
			if f.SHA256 != "" {
				b = appendString(b, "sha256:"+f.SHA256)
			} else {
				b = appendString(b, f.SourceURL)
			}
		}
		return append(b, `]}`...), nil
	case in.JSON:
		b, err := appendCanonical(append(b, `{"json":`...), []byte(in.Value))
		return append(b, '}'), err
	}
	b = append(b, `{"text":`...)
	return append(appendString(b, norm.NFC.String(strings.TrimSpace(in.Value))), '}'), nil
}

// appendCanonical writes a JSON document without blanks and with the members of objects in the order of their names.
func appendCanonical(b, raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // digits count as they were sent
	var v any
	if err := dec.Decode(&v); err != nil {
		return b, fmt.Errorf("decode: %w", err)
	}
	canonical, err := json.Marshal(v)
	if err != nil {
		return b, fmt.Errorf("encode: %w", err)
	}
	return append(b, canonical...), nil
}

// appendString writes a JSON string, escaping no more than it must.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
