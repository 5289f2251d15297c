package provider

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Bounds for the search of the beginning of a text's JSON: how many places are tried, and how often the text is read meanwhile.
const (
	maxStarts   = 32
	maxReadings = 4
)

// RepairJSON finds the JSON object or array in what a model wrote and mends trivial damage: code fences and prose around it,
// commas before a closing bracket, raw line breaks in strings, brackets missing at the end. It never invents: a value that the
// end of the text cuts in two is left out together with its key. ok is false when there is nothing to be found.
//
// The result is compact, valid JSON. Text that is valid JSON already is returned as it is, only compacted.
func RepairJSON(text string) (_ json.RawMessage, ok bool) {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if text != "" && (text[0] == '{' || text[0] == '[') && json.Valid([]byte(text)) {
		return compact([]byte(text))
	}
	left := maxReadings*len(text) + 64<<10
	// Objects first: a list in the prose before the answer is more likely than an object.
	for _, open := range []byte{'{', '['} {
		for at, tries := strings.IndexByte(text, open), 0; at >= 0 && tries < maxStarts && left > 0; tries++ {
			mended, read, ended := mend(text[at:])
			left -= read
			if out, ok := compact(mended); ok {
				return out, true
			}
			if ended {
				break // the rest of the text lies inside of what was begun here
			}
			next := strings.IndexByte(text[at+1:], open)
			if next < 0 {
				break
			}
			at += 1 + next
		}
	}
	return nil, false
}

func compact(data []byte) (json.RawMessage, bool) {
	var b bytes.Buffer
	if len(data) == 0 {
		return nil, false
	}
	if err := json.Compact(&b, data); err != nil {
		return nil, false
	}
	return b.Bytes(), true
}

// mend reads one JSON value from the beginning of text, which starts with '{' or '['. When the text ends before the value does,
// ended is true and the result is what stands before the cut, closed; it is nil when not even one value is complete, or when
// this is no JSON. read is how much of the text was looked at.
func mend(text string) (out []byte, read int, ended bool) {
	m := mender{text: text}
	if m.run() {
		return m.out, m.at, false
	}
	if !m.cut || m.safe == 0 {
		return nil, m.at, m.cut
	}
	return closed(m.out[:m.safe]), len(text), true
}

// closed appends the brackets that are open at the end of data, which is the beginning of well-formed JSON and ends with a value.
func closed(data []byte) []byte {
	var stack []byte
	text := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{':
			stack = append(stack, '}')
		case c == '[':
			stack = append(stack, ']')
		case c == '}', c == ']':
			stack = stack[:max(len(stack)-1, 0)]
		}
	}
	for _, c := range slices.Backward(stack) {
		data = append(data, c)
	}
	return data
}

// mender copies JSON while it keeps track of the open brackets and of the last place where every value was complete.
type mender struct {
	text  string
	at    int
	out   []byte
	stack []byte // closing brackets still to come

	cut  bool // the text ended too early, rather than being no JSON
	safe int  // length of out at the last complete value
}

// maxDepth is how deep brackets may be nested.
const maxDepth = 1000

// run reports whether a whole value was read.
func (m *mender) run() bool {
	for m.at < len(m.text) {
		switch c := m.text[m.at]; c {
		case ' ', '\t', '\n', '\r':
			m.at++
		case '{', '[':
			if len(m.stack) == maxDepth {
				return false
			}
			m.open(c)
		case '}', ']':
			if len(m.stack) == 0 || m.stack[len(m.stack)-1] != c {
				return false
			}
			m.close(c)
			if len(m.stack) == 0 {
				return true
			}
		case '"':
			if !m.str() {
				return false
			}
		case ',', ':':
			m.out = append(m.out, c)
			m.at++
		default:
			if !m.literal() {
				return false
			}
		}
	}
	m.cut = true
	return false
}

func (m *mender) open(c byte) {
	closing := byte('}')
	if c == '[' {
		closing = ']'
	}
	m.stack = append(m.stack, closing)
	m.out = append(m.out, c)
	m.at++
}

func (m *mender) close(c byte) {
	if n := len(m.out); n > 0 && m.out[n-1] == ',' {
		m.out = m.out[:n-1]
	}
	m.out = append(m.out, c)
	m.stack = m.stack[:len(m.stack)-1]
	m.at++
	m.complete()
}

// str copies one string; raw control characters in it are escaped. It reports false when the text ends inside.
func (m *mender) str() bool {
	key := m.expectsKey()
	start := len(m.out)
	m.out = append(m.out, '"')
	for i := m.at + 1; i < len(m.text); i++ {
		switch c := m.text[i]; {
		case c == '\\' && i+1 < len(m.text):
			m.out = append(m.out, c, m.text[i+1])
			i++
		case c == '"':
			m.out = append(m.out, c)
			m.at = i + 1
			if !key {
				m.complete()
			}
			return true
		case c < 0x20:
			m.out = append(m.out, escapeControl(c)...)
		default:
			m.out = append(m.out, c)
		}
	}
	m.out = m.out[:start]
	m.cut = true
	return false
}

func escapeControl(c byte) string {
	switch c {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	const hex = "0123456789abcdef"
	return `\u00` + string([]byte{hex[c>>4], hex[c&15]})
}

// expectsKey reports whether a string at this place is a member's name.
func (m *mender) expectsKey() bool {
	if len(m.stack) == 0 || m.stack[len(m.stack)-1] != '}' || len(m.out) == 0 {
		return false
	}
	last := m.out[len(m.out)-1]
	return last == '{' || last == ','
}

// literal copies a number, true, false or null. One that the end of the text touches may be cut and does not count as complete.
func (m *mender) literal() bool {
	end := m.at
	for end < len(m.text) && !strings.ContainsRune(" \t\n\r,:{}[]\"", rune(m.text[end])) {
		end++
	}
	word := m.text[m.at:end]
	if end == len(m.text) {
		m.cut = true
		return false
	}
	if !json.Valid([]byte(word)) {
		return false
	}
	m.out = append(m.out, word...)
	m.at = end
	m.complete()
	return true
}

func (m *mender) complete() { m.safe = len(m.out) }
