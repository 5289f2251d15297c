package pdf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pageRange is a range of pages as a filter names it, counted from 1, both ends included. 0 as to means the last page.
type pageRange struct{ from, to int }

// lastPage as from means the last page alone.
const lastPage = -1

// parseFilter reads a page filter: parts separated by ';' or line ends, each "@PAGERANGE: 3, 5-15", "@PAGERANGE(1-3)" or the
// list alone. A list names pages n, ranges n-m, n- and -m, and "last". An empty filter is no filter and gives nil.
//
// Errors are for users.
func parseFilter(s string) ([]pageRange, error) {
	var ranges []pageRange
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '\n' || r == '\r' }) {
		list, err := rangeList(part)
		if err != nil {
			return nil, err
		}
		for _, item := range strings.Split(list, ",") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			r, err := parseRange(item)
			if err != nil {
				return nil, err
			}
			ranges = append(ranges, r)
		}
	}
	if len(ranges) == 0 && strings.TrimSpace(s) != "" {
		return nil, errors.New("page_filter names no pages")
	}
	return ranges, nil
}

// rangeList takes the mark off a part.
func rangeList(part string) (string, error) {
	const mark = "@PAGERANGE"
	part = strings.TrimSpace(part)
	if len(part) < len(mark) || !strings.EqualFold(part[:len(mark)], mark) {
		if strings.Trim(part, "0123456789-, \t") == "" || strings.EqualFold(part, "last") {
			return part, nil
		}
		return "", fmt.Errorf("page_filter understands page ranges only, such as @PAGERANGE: 3, 5-15, not %q", clip(part))
	}
	list := strings.TrimSpace(part[len(mark):])
	switch {
	case strings.HasPrefix(list, ":"):
		return list[1:], nil
	case strings.HasPrefix(list, "(") && strings.HasSuffix(list, ")"):
		return list[1 : len(list)-1], nil
	}
	return "", fmt.Errorf("page_filter: write @PAGERANGE: 3, 5-15, not %q", clip(part))
}

// parseRange reads "n", "n-m", "n-", "-m" or "last".
func parseRange(item string) (pageRange, error) {
	bad := fmt.Errorf("page_filter: %q is not a page or a range of pages", clip(item))
	if strings.EqualFold(item, "last") {
		return pageRange{from: lastPage}, nil
	}
	a, b, isRange := strings.Cut(item, "-")
	from, okFrom := pageNumber(a)
	if !isRange {
		if !okFrom {
			return pageRange{}, bad
		}
		return pageRange{from, from}, nil
	}
	to, okTo := pageNumber(b)
	if strings.EqualFold(strings.TrimSpace(b), "last") {
		to, okTo = 0, true
	}
	switch {
	case okFrom && okTo && (to == 0 || from <= to):
		return pageRange{from, to}, nil
	case okFrom && strings.TrimSpace(b) == "":
		return pageRange{from: from}, nil
	case okTo && to > 0 && strings.TrimSpace(a) == "":
		return pageRange{1, to}, nil
	}
	return pageRange{}, bad
}

// pageNumber reads a number from 1 to a million.
func pageNumber(s string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n, err == nil && n >= 1 && n <= 1_000_000 && !strings.HasPrefix(strings.TrimSpace(s), "+")
}

// clip shortens a user's words for a message.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// selectPages returns the pages of a document of count pages that ranges name, rising, each once; all for no ranges. outside
// is true when a range names pages beyond the end.
func selectPages(ranges []pageRange, count int) (pages []int, outside bool) {
	if ranges == nil {
		ranges = []pageRange{{from: 1}}
	}
	for _, r := range ranges {
		if r.from == lastPage {
			r = pageRange{count, count}
		}
		if r.to == 0 {
			r.to = count
		}
		if r.from > count || r.to > count {
			outside = true
		}
		for n := r.from; n <= min(r.to, count); n++ {
			pages = append(pages, n)
		}
	}
	slices.Sort(pages)
	return slices.Compact(pages), outside
}
