package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// fillRows is how many jobs are taken over in one transaction.
const fillRows = 1000

const (
	beginFillSQL = `insert into job_lists (filled) values (false) on conflict do nothing`
	// knownFoldSQL gives the latest fold an id if it has none.
	knownFoldSQL = `insert into job_folds (fold) select folds from job_lists on conflict do nothing`
	fillStateSQL = `select filled, filled_to from job_lists for update`
	filledToSQL  = `update job_lists set filled_to = $1`
	filledSQL    = `update job_lists set filled = true, filled_to = null`
	// unlistedSQL reads jobs in the order of their ids, with those that are in the lists already.
	unlistedSQL = `
select id, seq, organization_id, agent_id, created_at, version_name, status, started_at, ended_at, metadata, inputs, outputs, usage
from jobs where id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000') order by id limit $2`
	fillListSQL = `
insert into job_list (seq, organization_id, agent_id, id, created_at, version_name, labels, inputs)
select * from unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
on conflict (seq) do nothing`
	fillEndsSQL = `
insert into job_ends (seq, organization_id, agent_id, id, created_at, ended_at, status, verdict, verdict_term, cost, duration)
select * from unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::smallint[],
    $8::text[], $9::text[], $10::bigint[], $11::bigint[])
on conflict (seq) do nothing`
)

// fillLists puts jobs into the lists that were stored before there were lists. It goes on where an earlier call was interrupted, and
// holds little in memory.
func (s *Store) fillLists(ctx context.Context) error {
	for _, sql := range [...]string{beginFillSQL, knownFoldSQL} {
		if _, err := s.change(ctx, "prepare job lists", sql); err != nil {
			return translate("prepare job lists", err)
		}
	}
	for done := false; !done; {
		err := s.inTx(ctx, "fill job lists", func(tx pgx.Tx) (err error) {
			done, err = fillSome(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fillSome takes over some jobs. done reports that none is left.
func fillSome(ctx context.Context, tx pgx.Tx) (done bool, err error) {
	var last uid
	if err := tx.QueryRow(ctx, fillStateSQL).Scan(&done, &last); err != nil || done {
		return done, err
	}
	rows, err := tx.Query(ctx, unlistedSQL, last, fillRows)
	if err != nil {
		return false, err
	}
	var f filling
	n := 0
	var j unlisted
	if _, err = pgx.ForEachRow(rows, j.into(), func() error {
		n, last = n+1, j.id
		f.add(&j)
		return nil
	}); err != nil {
		return false, err
	}
	batch := &pgx.Batch{}
	if n < fillRows {
		batch.Queue(filledSQL)
	} else {
		batch.Queue(filledToSQL, last)
	}
	f.queue(batch)
	return n < fillRows, tx.SendBatch(ctx, batch).Close()
}

// unlisted is a job as unlistedSQL reads it.
type unlisted struct {
	id, org, agent                   uid
	seq                              int64
	created, started, ended          pgtype.Timestamptz
	status                           steward.Status
	version                          string
	metadata, inputs, outputs, usage string
}

func (j *unlisted) into() []any {
	return []any{
		&j.id, &j.seq, &j.org, &j.agent, &j.created, &j.version, &j.status, &j.started, &j.ended, &j.metadata, &j.inputs, &j.outputs, &j.usage,
	}
}

// filling gathers the rows of lists. The columns are those of fillListSQL and fillEndsSQL.
type filling struct {
	seqs                       []int64
	orgs, agents, ids          []uid
	created                    []pgtype.Timestamptz
	versions, labels, texts    []string
	endSeqs                    []int64
	endOrgs, endAgents, endIDs []uid
	begun, ended               []pgtype.Timestamptz // when the ended ones were created, and when they ended
	statuses                   []int16
	verdicts, terms            []string
	costs, durations           []pgtype.Int8
}

// add gathers a job. What of it cannot be read cannot be searched for either.
func (f *filling) add(j *unlisted) {
	inputs, err := storerow.ParseList[steward.Input](j.inputs)
	if err != nil {
		inputs = nil
	}
	f.seqs, f.orgs, f.agents = append(f.seqs, j.seq), append(f.orgs, j.org), append(f.agents, j.agent)
	f.ids, f.created = append(f.ids, j.id), append(f.created, j.created)
	f.versions, f.labels = append(f.versions, j.version), append(f.labels, labelsOf(j.version, []byte(j.metadata)))
	f.texts = append(f.texts, joblist.Text(inputs))
	if !j.status.Terminal() {
		return
	}
	outputs, err := storerow.ParseList[steward.Datum](j.outputs)
	if err != nil {
		outputs = nil
	}
	usage, err := storerow.ParseUsage(j.usage)
	if err != nil {
		usage = steward.Usage{} // of unknown cost
	}
	v := verdictOf(outputs)
	f.endSeqs, f.endOrgs = append(f.endSeqs, j.seq), append(f.endOrgs, j.org)
	f.endAgents, f.endIDs = append(f.endAgents, j.agent), append(f.endIDs, j.id)
	f.begun = append(f.begun, j.created)
	f.ended, f.statuses = append(f.ended, j.ended), append(f.statuses, int16(j.status)) //nolint:gosec // 3 to 6
	f.verdicts, f.terms = append(f.verdicts, v.text), append(f.terms, v.term)
	duration := joblist.DurationOf(micros(j.started), micros(j.ended))
	f.costs = append(f.costs, costOf(usage))
	f.durations = append(f.durations, pgtype.Int8{Int64: duration, Valid: duration != joblist.None})
}

func (f *filling) queue(batch *pgx.Batch) {
	if len(f.seqs) > 0 {
		batch.Queue(fillListSQL, f.seqs, f.orgs, f.agents, f.ids, f.created, f.versions, f.labels, f.texts)
	}
	if len(f.endSeqs) > 0 {
		batch.Queue(fillEndsSQL, f.endSeqs, f.endOrgs, f.endAgents, f.endIDs, f.begun, f.ended, f.statuses, f.verdicts, f.terms, f.costs, f.durations)
	}
}
