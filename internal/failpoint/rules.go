//go:build failpoints

package failpoint

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// kind is what a point does.
type kind int

const (
	kill kind = iota
	fail
	hold
)

// rule is what a point does when.
type rule struct {
	kind kind
	err  error         // of fail
	time time.Duration // of hold; 0 means until something else is told
	from int           // hit, from 1
	to   int           // hit; 0 means no end
}

// parse reads what points are to do.
func parse(spec string) (map[string]rule, error) {
	rules := map[string]rule{}
	for part := range strings.FieldsFuncSeq(spec, func(r rune) bool { return r == ';' || r == '\n' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, action, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("failpoint %q: want name=action", part)
		}
		point, known := find(name)
		if !known {
			return nil, fmt.Errorf("failpoint %q is not known", name)
		}
		r, err := parseRule(action)
		if err != nil {
			return nil, fmt.Errorf("failpoint %s: %w", name, err)
		}
		if r.kind == fail && !point.Fails {
			return nil, fmt.Errorf("failpoint %s: nothing can fail there", name)
		}
		rules[name] = r
	}
	return rules, nil
}

// parseRule reads an action with its hits.
func parseRule(text string) (r rule, err error) {
	action, hits, limited := text, "", false
	if i := strings.LastIndexByte(text, '@'); i > strings.LastIndexByte(text, ')') {
		action, hits, limited = text[:i], text[i+1:], true
	}
	if r, err = parseAction(action); err != nil {
		return r, err
	}
	r.from = 1
	if !limited {
		return r, nil
	}
	first, open := strings.CutSuffix(hits, "-")
	if r.from, err = strconv.Atoi(first); err != nil || r.from < 1 {
		return r, fmt.Errorf("@%s: want @n or @n-, from 1", hits)
	}
	if !open {
		r.to = r.from
	}
	return r, nil
}

func parseAction(text string) (rule, error) {
	argument, hasOne := "", false
	action, rest, ok := strings.Cut(text, "(")
	if ok {
		if argument, hasOne = strings.CutSuffix(rest, ")"); !hasOne {
			return rule{}, fmt.Errorf("%q: a bracket is open", text)
		}
	}
	switch {
	case action == "kill" && !hasOne:
		return rule{kind: kill}, nil
	case action == "error" && argument != "":
		return rule{kind: fail, err: errorOf(argument)}, nil
	case action == "hold" && !hasOne:
		return rule{kind: hold}, nil
	case action == "hold":
		d, err := time.ParseDuration(argument)
		if err != nil || d <= 0 {
			return rule{}, fmt.Errorf("hold(%s): want a time such as 2s", argument)
		}
		return rule{kind: hold, time: d}, nil
	}
	return rule{}, fmt.Errorf("%q: want kill, error(text), hold or hold(time)", text)
}

// errorOf returns the error that a text names: one of the operating system, or one of that text.
func errorOf(text string) error {
	for name, err := range map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EROFS": syscall.EROFS, "EACCES": syscall.EACCES} {
		if text == name {
			return err
		}
	}
	return errors.New(text)
}

// find returns the point of a name. The name of a point that many operations pass means all of them.
func find(name string) (Point, bool) {
	for _, p := range Points() {
		if p.Name == name {
			return p, true
		}
		for _, which := range p.Of {
			if p.Name+"("+which+")" == name {
				return p, true
			}
		}
	}
	return Point{}, false
}
