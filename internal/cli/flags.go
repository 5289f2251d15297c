package cli

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stewardhq/steward"
)

// timeFlag is a moment on the command line: a day, a time, or how long ago.
type timeFlag struct{ time.Time }

// timeHelp says in a flag's description what is taken.
const timeHelp = "as 2026-01-31, 2026-01-31T12:00:00Z or 36h, 7d (ago)"

// String implements pflag.Value.
func (f *timeFlag) String() string {
	if f.IsZero() {
		return ""
	}
	return f.Format(time.RFC3339)
}

// Type implements pflag.Value.
func (f *timeFlag) Type() string { return "time" }

// Set implements pflag.Value. Days and times without a zone are in the user's.
func (f *timeFlag) Set(s string) error {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			f.Time = t
			return nil
		}
	}
	if ago, ok := duration(s); ok {
		f.Time = time.Now().Add(-ago)
		return nil
	}
	return usagef("%q is no time; write it %s", s, timeHelp)
}

// duration reads what time.ParseDuration does, and whole days.
func duration(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n >= 0 && n < 100_000
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// timeRange adds the flags NAME-from and NAME-to.
func timeRange(fs *pflag.FlagSet, name, what string, from, to *timeFlag) {
	fs.Var(from, name+"-from", "Only those "+what+" then or later, "+timeHelp)
	fs.Var(to, name+"-to", "Only those "+what+" then or earlier")
}

// optional returns the value of a flag that was given, nil otherwise.
func optional[T any](cmd *cobra.Command, name string, value T) *T {
	if !cmd.Flags().Changed(name) {
		return nil
	}
	return &value
}

// limitFlag adds the flag that cuts a list; 0 means all of it.
func limitFlag(fs *pflag.FlagSet, limit *int, n int) {
	fs.IntVar(limit, "limit", n, "At most so many; 0 means all")
}

// largestPage is how many rows the server gives at once.
const largestPage = 100

// pageSize is how many rows to ask for at once when at most limit are wanted.
func pageSize(limit int) int {
	if limit == 0 {
		return largestPage
	}
	return min(limit, largestPage)
}

// collect takes at most limit rows of a list; 0 means all. It is never nil.
func collect[T any](rows iter.Seq2[*T, error], limit int) ([]*T, error) {
	if limit < 0 {
		return nil, usagef("--limit must not be negative")
	}
	list := []*T{}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if list = append(list, row); len(list) == limit {
			break
		}
	}
	return list, nil
}

// renamed lets flags be called by the names that they had before.
func renamed(cmd *cobra.Command, names map[string]string) {
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if now, ok := names[name]; ok {
			name = now
		}
		return pflag.NormalizedName(name)
	})
}

// statusesFlag reads names of statuses with commas between.
func statusesFlag(text string) ([]steward.Status, error) {
	var list []steward.Status
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		code, err := parseStatus(name)
		if err != nil {
			return nil, err
		}
		list = append(list, code)
	}
	return list, nil
}

func parseStatus(name string) (steward.Status, error) {
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		if strings.EqualFold(s.String(), strings.TrimSpace(name)) {
			return s, nil
		}
	}
	return 0, usagef("--status: %q is none of %s", name, strings.Join(statusNames(), ", "))
}

// statusNames are the names of all statuses, as flags take them.
func statusNames() []string {
	var names []string
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		names = append(names, strings.ToLower(s.String()))
	}
	return names
}

// pairsFlag reads key=value pairs of a flag that can be repeated; nil when there are none.
func pairsFlag(flag string, pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	m := make(map[string]string, len(pairs))
	for _, p := range pairs {
		key, value, ok := strings.Cut(p, "=")
		if !ok || key == "" {
			return nil, usagef("--%s %q is not key=value", flag, p)
		}
		m[key] = value
	}
	return m, nil
}

// hideDefaults keeps the help from showing zeros as if they were limits.
func hideDefaults(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		fs.Lookup(name).DefValue = ""
	}
}
