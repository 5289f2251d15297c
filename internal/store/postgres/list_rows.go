package postgres

import (
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// Every statement that ends jobs gathers them in "done" and puts them into job_ends, so that lists know.
const (
	// endedColumns are what such a statement returns about jobs j besides verdict, verdict_term and cost.
	endedColumns     = `j.seq, j.organization_id, j.agent_id, j.id, j.created_at, j.ended_at, j.started_at, j.status`
	endColumns       = `seq, organization_id, agent_id, id, created_at, ended_at, status, verdict, verdict_term, cost, duration`
	endColumnsOfDone = `seq, organization_id, agent_id, id, created_at, ended_at, status, verdict, verdict_term, cost,
        case when started_at is not null then greatest(0, (extract(epoch from ended_at - started_at) * 1000000)::bigint) end`
)

// labelsOf returns the terms of a job's metadata, divided by blanks.
func labelsOf(versionName string, metadata []byte) string {
	return strings.Join(joblist.NewTerms(versionName, metadata)[1:], " ")
}

// verdict is what lists know about a job's verdict. The zero value is none.
type verdict struct{ text, term string }

// verdictOf finds the verdict in outputs.
func verdictOf(outputs []steward.Datum) verdict {
	text, ok := joblist.Verdict(outputs)
	if !ok {
		return verdict{}
	}
	return verdict{text: joblist.ShortVerdict(text), term: joblist.VerdictTerm(text)}
}

// costOf is the cost of usage as lists keep it, null when it is unknown.
func costOf(u steward.Usage) pgtype.Int8 {
	cost := joblist.CostOf(u)
	return pgtype.Int8{Int64: max(cost, 0), Valid: cost != joblist.None}
}

// sumUsage adds up the encoded usage of a job's steps and returns it with its cost.
func sumUsage(steps []string) (usage string, cost pgtype.Int8, err error) {
	if usage, err = storerow.SumUsage(steps); err != nil {
		return "", cost, err
	}
	u, err := storerow.ParseUsage(usage)
	return usage, costOf(u), err
}
