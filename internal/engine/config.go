package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stewardhq/steward"
)

// Config is an engine's configuration with a job's inputs put in, every value of its declared kind. Getters of a parameter
// that is absent and has no default return the zero value. Immutable.
type Config struct {
	values map[string]value
}

// value is a parameter's value.
type value struct {
	set   bool
	text  string          // text, enum, model
	raw   json.RawMessage // schema, object
	num   float64         // number, integer
	flag  bool            // boolean
	files []FileRef       // files

	shared *sharedSchema // of a schema that no input changes
}

// FileRef is a file, or the words that stand for one: a stored file's id or a URL.
type FileRef struct {
	File *steward.File
	Text string // when File is nil
}

// Has reports whether a parameter has a value, be it by default.
func (c Config) Has(param string) bool { return c.values[param].set }

// String returns a text, enum or model parameter.
func (c Config) String(param string) string { return c.values[param].text }

// Float returns a number parameter.
func (c Config) Float(param string) float64 { return c.values[param].num }

// Int returns an integer parameter.
func (c Config) Int(param string) int { return int(c.values[param].num) }

// Bool returns a boolean parameter.
func (c Config) Bool(param string) bool { return c.values[param].flag }

// Raw returns a schema or object parameter as JSON text; nil when absent.
func (c Config) Raw(param string) json.RawMessage { return c.values[param].raw }

// FileRefs returns what a files parameter names, in order.
func (c Config) FileRefs(param string) []FileRef { return c.values[param].files }

// coerce reads a JSON value as p's kind: numbers and booleans also from text, objects also from JSON text.
func coerce(p *Param, raw json.RawMessage) (value, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return value{}, nil
	}
	var s string
	isText := raw[0] == '"'
	if isText {
		if err := json.Unmarshal(raw, &s); err != nil {
			return value{}, fmt.Errorf("%s: %w", p.Name, err)
		}
		if p.Kind != KindText && strings.TrimSpace(s) == "" {
			return value{}, nil
		}
	} else {
		s = string(raw)
	}
	switch p.Kind {
	case KindText, KindModel:
		if p.Check != nil {
			if err := p.Check(s); err != nil {
				return value{}, err
			}
		}
		return value{set: true, text: s}, nil
	case KindEnum:
		return p.coerceEnum(s)
	case KindNumber, KindInteger:
		return p.coerceNumber(s)
	case KindBoolean:
		return p.coerceBool(s)
	case KindSchema, KindObject:
		return p.coerceObject([]byte(s))
	case KindFiles:
		return p.coerceFiles(raw, s, isText)
	}
	return value{}, fmt.Errorf("%s: unknown kind %q", p.Name, p.Kind)
}

func (p *Param) coerceEnum(s string) (value, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if !slices.Contains(p.Enum, s) {
		return value{}, fmt.Errorf("%s must be one of %s", p.Name, strings.Join(p.Enum, ", "))
	}
	return value{set: true, text: s}, nil
}

func (p *Param) coerceNumber(s string) (value, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	whole := p.Kind == KindInteger
	// The last two tests refuse NaN and the infinities, which ParseFloat reads.
	if err != nil || f-f != 0 || (whole && f != float64(int64(f))) || (p.Min != nil && f < *p.Min) || (p.Max != nil && f > *p.Max) {
		return value{}, fmt.Errorf("%s must be %s", p.Name, p.numberRange())
	}
	return value{set: true, num: f}, nil
}

func (p *Param) numberRange() string {
	what := "a number"
	if p.Kind == KindInteger {
		what = "a whole number"
	}
	switch {
	case p.Min != nil && p.Max != nil:
		return fmt.Sprintf("%s from %v to %v", what, *p.Min, *p.Max)
	case p.Min != nil:
		return fmt.Sprintf("%s of at least %v", what, *p.Min)
	case p.Max != nil:
		return fmt.Sprintf("%s of at most %v", what, *p.Max)
	}
	return what
}

func (p *Param) coerceBool(s string) (value, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1", "yes":
		return value{set: true, flag: true}, nil
	case "false", "0", "no":
		return value{set: true}, nil
	}
	return value{}, fmt.Errorf("%s must be true or false", p.Name)
}

func (p *Param) coerceObject(text []byte) (value, error) {
	text = bytes.TrimSpace(text)
	if !json.Valid(text) || text[0] != '{' {
		return value{}, fmt.Errorf("%s must be a JSON object", p.Name)
	}
	return value{set: true, raw: text}, nil
}

// coerceFiles reads references: one text with several separated by commas, blanks or line ends, or an array of texts.
func (p *Param) coerceFiles(raw json.RawMessage, s string, isText bool) (value, error) {
	list := []string{s}
	if !isText {
		if err := json.Unmarshal(raw, &list); err != nil {
			return value{}, fmt.Errorf("%s must be a text or a list of texts that name files", p.Name)
		}
	}
	var v value
	for _, text := range list {
		for _, ref := range SplitFileRefs(text) {
			v.files = append(v.files, FileRef{Text: ref})
		}
	}
	v.set = len(v.files) > 0
	return v, nil
}

// SplitFileRefs cuts a text into the file references it names, separated by commas, blanks or line ends. Lists in the forms that
// clients print are read too: JSON, ['a', 'b'] and [a b].
func SplitFileRefs(s string) []string {
	t := strings.TrimSpace(s)
	bracketed := strings.HasPrefix(t, "[") && strings.HasSuffix(t, "]")
	if bracketed {
		var list []string
		if json.Unmarshal([]byte(t), &list) == nil {
			return list
		}
		t = t[1 : len(t)-1]
	}
	refs := strings.FieldsFunc(t, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' || r == ' ' || r == '\t' })
	if bracketed {
		for i, ref := range refs {
			refs[i] = strings.Trim(ref, `'"`)
		}
	}
	return refs
}
