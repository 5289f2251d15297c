package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// Write returns the agent as one YAML document, without a "---" in front of it. Equal agents give equal bytes.
//
// Errors: a configuration that is no JSON.
func Write(a Agent) ([]byte, error) {
	o := &object{}
	o.set("kind", kind)
	o.set("name", a.Name)
	o.set("engine", a.Engine)
	if a.Description != "" {
		o.set("description", a.Description)
	}
	if a.Config != nil {
		config, err := decodeJSON(a.Config)
		if err != nil {
			return nil, fmt.Errorf("configuration of %q: %w", a.Name, err)
		}
		o.set("config", config)
	}
	if a.Inputs != nil {
		o.set("inputs", inputValues(a.Inputs))
	}
	if a.DisableCache != nil {
		o.set("disable_cache", *a.DisableCache)
	}
	if a.CacheFailedJobs != nil {
		o.set("cache_failed_jobs", *a.CacheFailedJobs)
	}
	if a.Tags != nil {
		tags := []any{}
		for _, t := range a.Tags {
			tags = append(tags, t)
		}
		o.set("tags", tags)
	}
	var w writer
	w.object(o, 0)
	return w.Bytes(), nil
}

func inputValues(defs []steward.InputDefinition) []any {
	list := []any{}
	for _, d := range defs {
		in := &object{}
		in.set("key", d.Key)
		in.set("data_type", d.DataType)
		in.set("description", d.Description)
		if d.Example != "" {
			in.set("example", d.Example)
		}
		if d.AcceptsMultipleFiles {
			in.set("accepts_multiple_files", true)
		}
		list = append(list, in)
	}
	return list
}

// writer writes values as block YAML, two blanks a level.
type writer struct{ bytes.Buffer }

func (w *writer) indent(n int) { w.WriteString(strings.Repeat("  ", n)) }

// object writes the members of a non-empty object, the first where the cursor stands.
func (w *writer) object(o *object, level int) {
	for i, name := range o.names {
		if i > 0 {
			w.indent(level)
		}
		w.Write(scalar(name))
		w.WriteByte(':')
		w.member(o.values[name], level)
	}
}

// member writes a value behind its name, and ends the line.
func (w *writer) member(v any, level int) {
	switch v := v.(type) {
	case *object:
		if len(v.names) > 0 {
			w.WriteByte('\n')
			w.indent(level + 1)
			w.object(v, level+1)
			return
		}
	case []any:
		if len(v) > 0 {
			w.WriteByte('\n')
			w.list(v, level+1)
			return
		}
	case string:
		if fitsBlock(v) {
			w.block(v, level+1)
			return
		}
	}
	w.WriteByte(' ')
	w.leaf(v)
	w.WriteByte('\n')
}

// list writes the elements of a non-empty list, each on lines of its own.
func (w *writer) list(list []any, level int) {
	for _, v := range list {
		w.indent(level)
		w.WriteByte('-')
		o, isObject := v.(*object)
		sub, isList := v.([]any)
		switch {
		case isObject && len(o.names) > 0:
			w.WriteByte(' ')
			w.object(o, level+1)
		case isList && len(sub) > 0:
			w.WriteByte('\n')
			w.list(sub, level+1)
		default:
			w.member(v, level)
		}
	}
}

// leaf writes a value that fits on a line.
func (w *writer) leaf(v any) {
	switch v := v.(type) {
	case nil:
		w.WriteString("null")
	case bool:
		w.WriteString(strconv.FormatBool(v))
	case json.Number:
		w.WriteString(string(v))
	case string:
		w.Write(scalar(v))
	case *object:
		w.WriteString("{}")
	case []any:
		w.WriteString("[]")
	}
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z_/$][A-Za-z0-9_./$()'%+=@;<>^~|&*!?{}\[\]"-]*( [A-Za-z0-9_./$()'%+=@;<>^~|&*!?{}\[\]"-]+)*$`)
	keyword   = regexp.MustCompile(`(?i)^(null|true|false|yes|no|on|off|y|n)$`)
)

// scalar is a string as it stands on a line: as it is when no reader could take it for something else, quoted otherwise.
func scalar(s string) []byte {
	if plainText.MatchString(s) && !keyword.MatchString(s) {
		return []byte(s)
	}
	return jsonText(s)
}

// fitsBlock reports whether a string is better read as a block of lines, and can be written so without losing anything.
func fitsBlock(s string) bool {
	body := strings.TrimSuffix(s, "\n")
	if !strings.Contains(body, "\n") || !utf8.ValidString(s) || strings.HasSuffix(body, "\n") {
		return false
	}
	for i, line := range strings.Split(body, "\n") {
		if i == 0 && strings.TrimSpace(line) == "" || strings.HasPrefix(line, " ") && i == 0 || strings.TrimRight(line, " \t") != line {
			return false
		}
		for _, r := range line {
			if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff || (r >= 0x80 && r < 0xa0) {
				return false
			}
		}
	}
	return true
}

// block writes a string of several lines.
func (w *writer) block(s string, level int) {
	if strings.HasSuffix(s, "\n") {
		w.WriteString(" |\n")
	} else {
		w.WriteString(" |-\n")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		if line != "" {
			w.indent(level)
		}
		w.WriteString(line)
		w.WriteByte('\n')
	}
}
