package builtin

import (
	_ "embed" // of the fitted curves
	"strconv"
	"strings"
)

// via is the kind of evidence on which a value stands.
type via uint8

const (
	viaOther    via = iota
	viaColon        // behind a label and its colon
	viaBeside       // in the cell beside a label
	viaLead         // right behind a label's words, or in its sentence
	viaBelow        // below or above a label
	viaBlock        // in the block of a party
	viaKindred      // at a label of kindred words
	viaFact         // a stated fact
	viaChoice       // the words of an enumeration, or those that explain it
	viaCurrency     // the currency of the amounts
	viaSection      // the text under a heading
	viaClause       // a clause of a contract
	viaPattern      // the look of a value, or its place, without a label
	viaTable        // a cell of a table
	viaEntry        // a part of an entry
	viaPriced       // a line with a price
	viaList         // an item of a list
	viaCount        // the number of kinds
)

// viaNames are the names of the kinds in the table of curves and in reports.
func viaNames() [viaCount]string {
	return [viaCount]string{"other", "colon", "beside", "lead", "below", "block", "kindred", "fact", "choice", "currency", "section", "clause", "pattern", "table", "entry", "priced", "list"}
}

// origin says on what a claim stands: the kind of its evidence and the score of the rules.
type origin struct {
	via   via
	score float64
}

// came notes the kind of evidence of candidates that have none yet.
func came(cs []candidate, v via) []candidate {
	for i := range cs {
		if cs[i].via == viaOther {
			cs[i].via = v
		}
	}
	return cs
}

// came notes the kind of evidence of a record's values.
func (r record) came(v via) {
	for fd, c := range r {
		c.via = v
		came(c.list, v)
		r[fd] = c
	}
}

// atLabel notes how candidates stand to the label that they were found at.
func (f *filler) atLabel(cs []candidate, h *hit) {
	r := &f.src.rows[h.row]
	for i := range cs {
		c := &cs[i]
		switch {
		case c.page != r.page || c.start < r.start || c.start >= r.end:
			c.via = viaBelow
		case h.term == termColon:
			c.via = viaColon
		case h.term == termEnd:
			c.via = viaBeside
		default:
			c.via = viaLead
		}
	}
}

// knot is a point of a curve: values whose rules gave this score were right so often.
type knot struct{ score, share float64 }

// curves turn the scores of the rules into shares of right values, one curve for each kind of evidence. They rise, never fall.
type curves [viaCount][]knot

// curveTable is written by the test that fits the curves:
//
//	go test ./internal/model/builtin -run TestConfidence -update
//
//go:embed confidence.txt
var curveTable string

// readCurves parses a table of lines "kind score:share score:share …"; lines of an unknown kind or form are left out.
func readCurves(table string) curves {
	var cs curves
	names := viaNames()
	for line := range strings.Lines(table) {
		fs := strings.Fields(line)
		for v, name := range names {
			if len(fs) < 2 || fs[0] != name {
				continue
			}
			for _, f := range fs[1:] {
				score, share, _ := strings.Cut(f, ":")
				x, err := strconv.ParseFloat(score, 64)
				y, err2 := strconv.ParseFloat(share, 64)
				if err == nil && err2 == nil {
					cs[v] = append(cs[v], knot{x, y})
				}
			}
		}
	}
	return cs
}

// confidence is the share of right values among those of such evidence, 0 to 0.99 in hundredths. Without a curve it is the score.
func (cs *curves) confidence(v via, score float64) float64 {
	c := cs[v]
	if len(c) == 0 {
		return hundredths(score)
	}
	if score <= c[0].score {
		return hundredths(c[0].share)
	}
	for i := 1; i < len(c); i++ {
		if score <= c[i].score {
			a, b := c[i-1], c[i]
			return hundredths(a.share + (b.share-a.share)*(score-a.score)/(b.score-a.score))
		}
	}
	return hundredths(c[len(c)-1].share)
}

func hundredths(score float64) float64 {
	score = min(max(score, 0), 0.99)
	return float64(int(score*100+0.5)) / 100
}
