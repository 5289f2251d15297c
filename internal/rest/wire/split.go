package wire

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/stewardhq/steward"
)

// Elements cuts a JSON array into its elements, which share its memory. It stops behind one more than most of them: what is longer is
// too long for the caller, and shows as that. raw must be valid JSON (see CheckJSON) and begin with a bracket.
//
// Errors: Invalid for what is no array.
func Elements(raw []byte, most int) ([]json.RawMessage, error) {
	s := scanner{raw: raw}
	if !s.take('[') {
		return nil, errJSON()
	}
	var elements []json.RawMessage
	for len(elements) <= most && !s.take(']') {
		if len(elements) > 0 && !s.take(',') {
			return nil, errJSON()
		}
		value, ok := s.value()
		if !ok {
			return nil, errJSON()
		}
		elements = append(elements, value)
	}
	return elements, nil
}

// Members cuts a JSON object into its members, whose values share its memory; of equal keys the last counts, at the place of the first.
// raw must be valid JSON and begin with a brace.
//
// Errors: Invalid for what is no object; TooLarge for one of more members than a form may have fields.
func Members(raw []byte) ([]Member, error) {
	s := scanner{raw: raw}
	if !s.take('{') {
		return nil, errJSON()
	}
	var m memberList
	for !s.take('}') {
		if len(m.list) > 0 && !s.take(',') {
			return nil, errJSON()
		}
		key, isKey := s.text()
		if !isKey || !s.take(':') {
			return nil, errJSON()
		}
		value, ok := s.value()
		if !ok {
			return nil, errJSON()
		}
		if m.put(Member{Key: key, Raw: value}); len(m.list) > maxFields {
			return nil, &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("A JSON object of the request has more than %d members.", maxFields)}
		}
	}
	return m.list, nil
}

// memberList gathers members. Keys of large objects are kept in a map, so that equal ones are found at once.
type memberList struct {
	list []Member
	at   map[string]int // nil while the list is short
}

// shortList is how many members are looked through one by one.
const shortList = 16

func (m *memberList) put(one Member) {
	i, twice := m.at[one.Key]
	if m.at == nil {
		i = slices.IndexFunc(m.list, func(o Member) bool { return o.Key == one.Key })
		twice = i >= 0
	}
	if twice {
		m.list[i].Raw = one.Raw
		return
	}
	m.list = append(m.list, one)
	switch {
	case m.at != nil:
		m.at[one.Key] = len(m.list) - 1
	case len(m.list) > shortList:
		m.at = make(map[string]int, 2*len(m.list))
		for i := range m.list {
			m.at[m.list[i].Key] = i
		}
	}
}

// scanner goes through valid JSON.
type scanner struct {
	raw []byte
	at  int
}

// skipBlanks moves to the next byte that means something.
func (s *scanner) skipBlanks() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// take moves behind a byte when it is the next that means something.
func (s *scanner) take(c byte) bool {
	s.skipBlanks()
	if s.at == len(s.raw) || s.raw[s.at] != c {
		return false
	}
	s.at++
	return true
}

// text reads a string.
func (s *scanner) text() (string, bool) {
	s.skipBlanks()
	from := s.at
	if from == len(s.raw) || s.raw[from] != '"' {
		return "", false
	}
	s.skipString()
	return unquote(s.raw[from:s.at])
}

// value returns the next value as it stands.
func (s *scanner) value() (json.RawMessage, bool) {
	s.skipBlanks()
	from := s.at
	if from == len(s.raw) {
		return nil, false
	}
	switch s.raw[from] {
	case '"':
		s.skipString()
	case '{', '[':
		s.skipNested()
	default:
		for s.at < len(s.raw) && !endsScalar(s.raw[s.at]) {
			s.at++
		}
	}
	return json.RawMessage(s.raw[from:s.at:s.at]), s.at > from
}

// endsScalar reports whether a byte follows a number, true, false or null.
func endsScalar(c byte) bool {
	switch c {
	case ',', ']', '}', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// skipString moves behind the string that begins here.
func (s *scanner) skipString() {
	for s.at++; s.at < len(s.raw); s.at++ {
		switch s.raw[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return
		}
	}
	s.at = len(s.raw)
}

// skipNested moves behind the object or array that begins here.
func (s *scanner) skipNested() {
	depth := 0
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case '"':
			s.skipString()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if s.at++; depth == 0 {
			return
		}
	}
}
