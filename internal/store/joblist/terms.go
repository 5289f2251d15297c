package joblist

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// Terms are short texts without NUL. Those of versions can be listed, as they begin with VersionPrefix and no other does.

// VersionPrefix begins the terms of versions; what follows is the name.
const VersionPrefix = "v"

// PurgedTerm is the term of jobs whose data was deleted.
const PurgedTerm = "p"

// StatusTerm returns the term of jobs that have ended with a status.
func StatusTerm(s steward.Status) string { return "s" + strconv.Itoa(int(s)) }

// VersionTerm returns the term of jobs of a version's name.
func VersionTerm(name string) string { return VersionPrefix + name }

// LabelTerm returns the term of jobs whose metadata has a label.
func LabelTerm(l store.Label) string { return "m" + digest(l.Key, l.Value) }

// VerdictPrefix begins the terms of verdicts, and no other.
const VerdictPrefix = "d"

// VerdictTerm returns the term of jobs with a verdict.
func VerdictTerm(verdict string) string { return VerdictPrefix + digest(verdict) }

// digest returns 22 characters that stand for some texts.
func digest(texts ...string) string {
	var b []byte
	for _, t := range texts {
		b = strconv.AppendInt(b, int64(len(t)), 10)
		b = append(b, ' ')
		b = append(b, t...)
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// MaxLabels is how many members of a job's metadata can be asked for in lists: the first ones in the order of their keys.
const MaxLabels = 64

// NewTerms returns the terms that a job has from the time on when it is stored.
func NewTerms(versionName string, metadata []byte) []string {
	terms := []string{VersionTerm(versionName)}
	for _, l := range labels(metadata) {
		terms = append(terms, LabelTerm(l))
	}
	return terms
}

// EndTerms returns the terms that a job gets when it ends. outputs are what is stored of it.
func EndTerms(s steward.Status, outputs []steward.Datum) []string {
	terms := []string{StatusTerm(s)}
	if v, ok := Verdict(outputs); ok {
		terms = append(terms, VerdictTerm(v))
	}
	return terms
}

// Verdict returns the verdict of a job: the top-level string "verdict" in the JSON object of its first output.
func Verdict(outputs []steward.Datum) (string, bool) {
	if len(outputs) == 0 || !strings.Contains(outputs[0].Value, `"verdict"`) {
		return "", false
	}
	var v struct {
		Verdict *string `json:"verdict"`
	}
	// What is no object, or has a verdict of another type, has no verdict to filter for.
	if err := json.Unmarshal([]byte(outputs[0].Value), &v); err != nil || v.Verdict == nil {
		return "", false
	}
	return *v.Verdict, true
}

// maxVerdict is how many bytes of a verdict are shown in lists.
const maxVerdict = 200

// ShortVerdict returns as much of a verdict as lists show. It has no NUL.
func ShortVerdict(verdict string) string {
	return clip(strings.ReplaceAll(verdict, "\x00", " "), maxVerdict)
}

// labels returns the labels of a job's metadata. What is no JSON object has none.
func labels(metadata []byte) []store.Label {
	if len(metadata) <= 2 {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(metadata, &members); err != nil {
		return nil // stored as it came, but there is nothing to filter for
	}
	list := make([]store.Label, 0, min(len(members), MaxLabels))
	for _, key := range firstKeys(members) {
		list = append(list, store.Label{Key: key, Value: labelValue(members[key])})
	}
	return list
}

// firstKeys returns the keys of an object, at most MaxLabels.
func firstKeys(members map[string]json.RawMessage) []string {
	keys := slices.Collect(maps.Keys(members))
	if len(keys) > MaxLabels {
		slices.Sort(keys)
		keys = keys[:MaxLabels]
	}
	return keys
}

// labelValue returns the text of a string and the compact JSON of anything else.
func labelValue(raw json.RawMessage) string {
	var text string
	if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return string(raw) // cannot be: it was decoded as part of an object
	}
	return b.String()
}

// MaxText is how many bytes of a job's input text lists can be searched for.
const MaxText = 1024

// Text returns the folded text of a job's inputs that lists are searched for: values and file names, one a line, without the
// syntax of JSON. It has no NUL and is at most MaxText bytes long; what is behind is not found.
func Text(inputs []steward.Input) string {
	var b strings.Builder
	for i := range inputs {
		in := &inputs[i]
		if in.JSON {
			writeJSON(&b, in.Value)
		} else {
			writeText(&b, in.Value)
		}
		for _, f := range in.Files {
			writeText(&b, f.Name)
		}
		if b.Len() >= MaxText {
			break
		}
	}
	return clip(strings.ReplaceAll(storerow.Fold(strings.TrimSuffix(b.String(), "\n")), "\x00", " "), MaxText)
}

// writeText writes as much of a text as can matter.
func writeText(b *strings.Builder, text string) {
	if text != "" && b.Len() < MaxText {
		b.WriteString(text[:min(len(text), MaxText)])
		b.WriteByte('\n')
	}
}

// writeJSON writes the strings and numbers of a JSON text. What cannot be read is written as it is.
func writeJSON(b *strings.Builder, text string) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var keys []bool // for each open bracket: whether a key comes next; false for lists
	var inObject []bool
	for b.Len() < MaxText {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			writeText(b, text)
			return
		}
		n := len(keys) - 1
		switch v := t.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				keys, inObject = append(keys, v == '{'), append(inObject, v == '{')
				continue
			}
			keys, inObject = keys[:n], inObject[:n]
			n--
		case string:
			if n >= 0 && keys[n] {
				keys[n] = false
				continue
			}
			writeText(b, v)
		case json.Number:
			writeText(b, v.String())
		}
		if n >= 0 {
			keys[n] = inObject[n] // a value is over
		}
	}
}

// clip shortens a text to n bytes without tearing a character.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
