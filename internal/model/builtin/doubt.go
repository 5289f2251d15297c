package builtin

import (
	"encoding/json"
	"slices"
	"strings"
)

// Scores below which words must earn their place: those of a label's near kin, of a weak label, of a guess by place.
const (
	acceptWords = 0.6 // for words to be taken at all
	vouchedFor  = 0.8 // from which a label of the field's own speaks, and its words are not judged
)

// credible drops candidates that are words found without a label of the field's own and do not look like what was asked
// for, and all of those when two say different things with the same right.
func (f *filler) credible(fd *field, cs []candidate) []candidate {
	if fd.kind != kindText && fd.kind != kindName {
		return cs
	}
	out := slices.DeleteFunc(cs, func(c candidate) bool {
		return c.score < acceptWords || c.score < vouchedFor && !f.fits(fd, c.words())
	})
	if torn(out) {
		return nil
	}
	return out
}

// words is the value of a candidate as text.
func (c *candidate) words() string {
	var s string
	if json.Unmarshal(c.value, &s) != nil {
		return ""
	}
	return s
}

// fits reports whether words that no label of the field's own vouches for may be its value.
func (f *filler) fits(fd *field, s string) bool {
	switch {
	case sentences(s):
		return false
	case numbered(fd) && !hasDigit(s):
		return false
	case placed(fd) && wordsIn(lastWords(s), companyWords) > 0:
		return false
	}
	return true
}

// sentences reports whether a text goes on behind the end of a sentence: it is prose, not a value.
func sentences(s string) bool {
	for i := 0; i+2 < len(s); i++ {
		if strings.IndexByte(".!?", s[i]) >= 0 && s[i+1] == ' ' && capitalized(s[i+2:]) && strings.Count(s[:i], " ") >= 3 && !abbreviated(s[:i]) {
			return true
		}
	}
	return false
}

// numbered reports whether a field's name ends like a number's in words that are written as one: "kvittonr".
func numbered(fd *field) bool {
	if len(fd.words) == 0 {
		return false
	}
	last := fd.words[len(fd.words)-1]
	return len(last) > 4 && (strings.HasSuffix(last, "nr") || strings.HasSuffix(last, "nummer"))
}

// placed reports whether a field asks for a place.
func placed(fd *field) bool {
	return len(fd.words) > 0 && among(fd.words[len(fd.words)-1], " city town place location residence country region state port ")
}

// companyWords end the names of companies and of nothing else.
const companyWords = ` inc inc. llc ltd ltd. gmbh ag corp corp. corporation plc s.a. sa sarl bv b.v. nv ab oy oyj kg srl s.r.l. spa s.p.a. sas aps a/s llp pty bhd jsc limited `

// torn reports whether the best two values are as likely as each other, and neither stands at a label of the field's own.
func torn(cs []candidate) bool {
	best := -1
	for i := range cs {
		if best < 0 || cs[i].score > cs[best].score {
			best = i
		}
	}
	if best < 0 || cs[best].score >= vouchedFor {
		return false
	}
	return slices.ContainsFunc(cs, func(c candidate) bool {
		return c.score > cs[best].score-0.01 && string(c.value) != string(cs[best].value)
	})
}
