package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// table prints aligned columns.
func table(w io.Writer, head string, fill func(row func(...any))) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, err := fmt.Fprintln(tw, head)
	fill(func(cells ...any) {
		texts := make([]string, len(cells))
		for i, c := range cells {
			texts[i] = plain(fmt.Sprint(c))
		}
		_, werr := fmt.Fprintln(tw, strings.Join(texts, "\t"))
		err = errors.Join(err, werr)
	})
	return errors.Join(err, tw.Flush())
}

// plain makes a text from elsewhere fit for a line of a terminal: nothing in it moves the cursor or starts a line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// many is a number of things.
func many(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// cut shortens a text for one line of a table.
func cut(s string, n int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}

// minute, second and day show a time in the user's zone.
func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
func second(t time.Time) string { return t.Local().Format(time.DateTime) }

// day shows a day, or that it never comes.
func day(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format(time.DateOnly)
}

func mark(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
