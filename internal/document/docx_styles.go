package document

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// noOutline says that a paragraph states no level of its own.
const noOutline = -1

// maxStyles bounds the styles and lists of a document.
const maxStyles = 20_000

// paraProps is what a paragraph states about itself.
type paraProps struct {
	style       string
	outline     int    // level of a heading; 0 for none, noOutline when nothing is stated
	numbered    string // list; "" for none
	listLevel   int
	breakBefore bool
}

// paraStyle is what a style says of its paragraphs.
type paraStyle struct {
	level       int
	numbered    string
	listLevel   int
	breakBefore bool
}

// readProps reads the properties of a paragraph or a style.
func readProps(x *xmlReader) (paraProps, error) {
	p := paraProps{outline: noOutline}
	err := x.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "pStyle":
			p.style = attr(e, "val")
		case "outlineLvl":
			p.outline = outlineLevel(attr(e, "val"))
		case "pageBreakBefore":
			p.breakBefore = isOn(attr(e, "val"))
		case "numPr":
			return x.children(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "numId":
					p.numbered = attr(e, "val")
				case "ilvl":
					p.listLevel = listLevel(attr(e, "val"))
				}
				return x.skip()
			})
		}
		return x.skip()
	})
	return p, err
}

// outlineLevel is the level of a heading: the file counts from 0, and 9 is none.
func outlineLevel(v string) int {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > 8 {
		return 0
	}
	return n + 1
}

// listLevel is a level of a list, 0 to 8.
func listLevel(v string) int {
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0
	}
	return min(max(n, 0), 8)
}

// readStyles reads the styles of paragraphs; what a style does not say it has from the one it is based on.
func (w *wordFile) readStyles(part string) (map[string]paraStyle, error) {
	x, err := w.xml(part)
	if err != nil {
		return nil, err
	}
	defer x.close()
	type raw struct {
		props       paraProps
		name, based string
	}
	all := map[string]raw{}
	err = x.root(func(xml.StartElement) error {
		return x.children(func(e xml.StartElement) error {
			if e.Name.Local != "style" || attr(e, "type") != "paragraph" || len(all) == maxStyles {
				return x.skip()
			}
			id, r := attr(e, "styleId"), raw{props: paraProps{outline: noOutline}}
			err := x.children(func(e xml.StartElement) (err error) {
				switch e.Name.Local {
				case "name":
					r.name = strings.ToLower(attr(e, "val"))
				case "basedOn":
					r.based = attr(e, "val")
				case "pPr":
					r.props, err = readProps(x)
					return err
				}
				return x.skip()
			})
			all[id] = r
			return err
		})
	})
	styles := make(map[string]paraStyle, len(all))
	for id := range all {
		s, level := paraStyle{}, noOutline
		for at, steps := id, 0; at != "" && steps < 20; steps++ {
			r := all[at]
			if level == noOutline {
				level = r.props.outline
			}
			if n, ok := headingName(r.name); ok && level == noOutline {
				level = n
			}
			if s.numbered == "" {
				s.numbered, s.listLevel = r.props.numbered, r.props.listLevel
			}
			s.breakBefore = s.breakBefore || r.props.breakBefore
			at = r.based
		}
		s.level = max(level, 0)
		styles[id] = s
	}
	return styles, err
}

// headingName is the level of a style that is a heading by its name, which is the same in every language.
func headingName(name string) (int, bool) {
	if name == "title" {
		return 1, true
	}
	if v, ok := strings.CutPrefix(name, "heading "); ok {
		if n, err := strconv.Atoi(v); err == nil && n >= 1 && n <= 9 {
			return n, true
		}
	}
	return 0, false
}

// lists counts the paragraphs of numbered lists.
type lists struct {
	kinds  map[string]*[9]listKind // of abstract lists
	byList map[string]string       // abstract list of each list
	starts map[string]map[int]int  // where a list begins anew, by level
	counts map[string]*[9]int      // of abstract lists
	begun  map[string]bool         // lists that have had a paragraph
}

// listKind is how a level of a list is numbered.
type listKind struct {
	format string // decimal, lowerLetter, bullet …
	text   string // such as "%1.%2."
	start  int
}

// readLists reads how lists are numbered.
func (w *wordFile) readLists(part string) (*lists, error) {
	x, err := w.xml(part)
	if err != nil {
		return nil, err
	}
	defer x.close()
	l := &lists{
		kinds: map[string]*[9]listKind{}, byList: map[string]string{}, starts: map[string]map[int]int{},
		counts: map[string]*[9]int{}, begun: map[string]bool{},
	}
	err = x.root(func(xml.StartElement) error {
		return x.children(func(e xml.StartElement) error {
			switch {
			case e.Name.Local == "abstractNum" && len(l.kinds) < maxStyles:
				kinds := &[9]listKind{}
				l.kinds[attr(e, "abstractNumId")] = kinds
				return x.children(func(e xml.StartElement) error {
					if e.Name.Local != "lvl" {
						return x.skip()
					}
					return readLevel(x, &kinds[listLevel(attr(e, "ilvl"))])
				})
			case e.Name.Local == "num" && len(l.byList) < maxStyles:
				return l.readList(x, attr(e, "numId"))
			}
			return x.skip()
		})
	})
	return l, err
}

// readLevel reads one level of an abstract list.
func readLevel(x *xmlReader, k *listKind) error {
	k.start = 1
	return x.children(func(e xml.StartElement) error {
		switch v := attr(e, "val"); e.Name.Local {
		case "start":
			k.start, _ = strconv.Atoi(v) // what is no number counts from 0
		case "numFmt":
			k.format = v
		case "lvlText":
			k.text = firstRunes(v, 100)
		}
		return x.skip()
	})
}

// readList reads which abstract list a list is, and where it begins anew.
func (l *lists) readList(x *xmlReader, id string) error {
	return x.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "abstractNumId":
			l.byList[id] = attr(e, "val")
		case "lvlOverride":
			level := listLevel(attr(e, "ilvl"))
			return x.children(func(e xml.StartElement) error {
				if n, err := strconv.Atoi(attr(e, "val")); err == nil && e.Name.Local == "startOverride" {
					if l.starts[id] == nil {
						l.starts[id] = map[int]int{}
					}
					l.starts[id][level] = n
				}
				return x.skip()
			})
		}
		return x.skip()
	})
}

// next counts a paragraph of a list and returns what stands before it; "" when it is in no list. l may be nil.
func (l *lists) next(list string, level int) string {
	if l == nil || list == "" || list == "0" {
		return ""
	}
	abstract, ok := l.byList[list]
	kinds := l.kinds[abstract]
	if !ok || kinds == nil {
		return ""
	}
	counts := l.counts[abstract]
	if counts == nil {
		counts = &[9]int{}
		for i := range counts {
			counts[i] = kinds[i].start - 1
		}
		l.counts[abstract] = counts
	}
	if !l.begun[list] {
		l.begun[list] = true
		for i, n := range l.starts[list] {
			counts[i] = n - 1
		}
	}
	counts[level]++
	for i := level + 1; i < len(counts); i++ {
		counts[i] = kinds[i].start - 1
	}
	for i := range level {
		counts[i] = max(counts[i], kinds[i].start)
	}
	return mark(kinds, counts, level)
}

// mark writes what stands before a paragraph.
func mark(kinds *[9]listKind, counts *[9]int, level int) string {
	k := kinds[level]
	if k.format == "bullet" {
		return strings.Repeat("  ", level) + "•"
	}
	if k.format == "none" {
		return ""
	}
	text := k.text
	for i := range kinds {
		text = strings.ReplaceAll(text, "%"+strconv.Itoa(i+1), numeral(kinds[i].format, counts[i]))
	}
	if text = tidy(text); text == "" {
		return ""
	}
	return strings.Repeat("  ", level) + text
}

// numeral writes a number in a list's format; formats that are not known are written in figures.
func numeral(format string, n int) string {
	if n < 1 || n > 100_000 {
		return strconv.Itoa(n)
	}
	switch format {
	case "lowerLetter":
		return letters(n)
	case "upperLetter":
		return strings.ToUpper(letters(n))
	case "lowerRoman":
		return strings.ToLower(roman(n))
	case "upperRoman":
		return roman(n)
	case "decimalZero":
		if n < 10 {
			return "0" + strconv.Itoa(n)
		}
	}
	return strconv.Itoa(n)
}

// letters counts a, b, … z, aa, bb, as Word does.
func letters(n int) string {
	return strings.Repeat(string(rune('a'+(n-1)%26)), min((n-1)/26+1, 50))
}

// roman writes n in Roman numerals.
func roman(n int) string {
	if n > 4999 {
		return strconv.Itoa(n)
	}
	var b strings.Builder
	for _, r := range []struct {
		v int
		s string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for ; n >= r.v; n -= r.v {
			b.WriteString(r.s)
		}
	}
	return b.String()
}
