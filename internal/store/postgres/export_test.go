package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// MigrateTo brings an empty database to an older schema.
func MigrateTo(ctx context.Context, url string, version int64) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*cfg)
	provider, err := newProvider(db)
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	if closed := db.Close(); err == nil {
		err = closed
	}
	return err
}

// FoldedChunks returns how many chunks of all jobs are folded.
func (s *Store) FoldedChunks(ctx context.Context) (n int, err error) {
	err = s.pool.QueryRow(ctx, "select count(*) from job_bits where term = ''").Scan(&n)
	return n, err
}

// FoldNow folds everything that was committed when it was called.
func (s *Store) FoldNow(ctx context.Context) error {
	for {
		done, err := s.foldOnce(ctx)
		if err != nil || !done.more && !done.left {
			return err
		}
	}
}

// ConnConfig is how a Store connects.
func ConnConfig(url string) (*pgx.ConnConfig, error) {
	cfg, err := poolConfig(url, Options{})
	if err != nil {
		return nil, err
	}
	return cfg.ConnConfig, nil
}

// Statements returns those that run all the time, for the test of their plans.
func Statements() map[string]string {
	return map[string]string{
		"release expired":     releaseExpiredSQL,
		"lanes":               lanesSQL,
		"candidates":          candidatesSQL,
		"start":               startSQL,
		"end":                 endSQL,
		"record steps":        recordStepsSQL,
		"finish":              finishSQL,
		"read job":            jobSQL,
		"read status":         statusSQL,
		"read steps":          stepsSQL,
		"next ready":          nextReadySQL,
		"overdue":             overdueSQL,
		"cancelled":           cancelledSQL,
		"last chance":         lastChanceSQL,
		"park":                parkSQL,
		"usage of steps":      stepUsagesSQL,
		"list versions":       listVersionsSQL,
		"known key":           knownKeySQL,
		"renew leases":        renewSQL,
		"take back":           takeBackSQL,
		"disown":              disownSQL,
		"count running":       countRunningSQL,
		"expired uploads":     expiredUploadsSQL,
		"blobs left behind":   leftBlobsSQL,
		"drop uploads":        dropUploadsSQL,
		"mourn blobs":         mournSQL,
		"look for known keys": knownKeysSQL,
		"forget old keys":     forgetKeysSQL,
		"agent":               agentSQL,
		"insert jobs":         insertJobsSQL,
		"find results":        findResultsSQL,
		"forget results":      forgetResultsSQL,
		"hold blobs":          holdBlobsSQL,
		"hold artifacts":      holdArtifactsSQL,
		"lock batches":        lockBatchesSQL,
		"known items":         knownItemsSQL,
		"read statuses":       statusesSQL,
		"read results":        resultsSQL,
		"open of agent":       openOfAgentSQL,
		"open of batch":       openOfBatchSQL,
		"lock open":           lockOpenSQL,
		"books":               "select " + tallySQL + booksSQL,
		"fold usage":          foldUsageSQL,
		"held":                heldMoneySQL,
		"dead holds":          dropDeadHoldsSQL,
		"forgettable":         forgettableSQL,
		"lock forgettable":    lockForgettableSQL,
		"forget outputs":      forgetOutputsSQL,
		"let go":              letGoSQL,
		"forgotten":           forgottenSQL,
		"cancel":              cancelSQL,
		"batch":               batchSQL,
		"agent's batches":     listBatches + ofOneAgent + newestBatches,
		"all batches":         listBatches + ofAllAgents + newestBatches,
		"count items":         countItemsSQL,
		"done batches":        doneBatchesSQL,
		"still done":          stillDoneSQL,
		"items":               itemsSQL,
		"count matching":      countMatchingSQL,
		"retryable":           retryableSQL,
		"retry":               retrySQL,
		"lock purged":         lockPurgedSQL,
		"empty job":           emptyJobSQL,
		"empty list":          emptyListSQL,
		"empty ends":          emptyEndSQL,
		"drop results":        dropResultsSQL,
		"leave files":         leaveFilesSQL,
		"leave blobs":         leaveBlobsSQL,
		"drop files":          dropFilesSQL,
		"deleted jobs":        deletedJobsSQL,
		"forget bits":         forgetBitsSQL,
		"forget columns":      forgetColumnsSQL,
		"done lanes":          doneLanesSQL,
		"leave out":           leaveOutSQL,
		"postings":            postingsSQL,
		"changed postings":    changedPostingsSQL,
		"next fold":           nextFoldSQL,
		"state of the fold":   foldStateSQL,
		"stray jobs":          strayJobsSQL,
		"stray ends":          strayEndsSQL,
		"home jobs":           homeJobsSQL,
		"home ends":           homeEndsSQL,
		"agents left out":     leftOutSQL,
		"fresh jobs":          freshJobsSQL,
		"fresh ends":          freshEndsSQL,
		"spans":               spansSQL,
		"posting":             postingSQL,
		"versions of jobs":    versionTermsSQL,
		"working":             workingSQL,
		"find":                findSQL,
		"created in":          createdInSQL,
		"matching in":         matchingInSQL,
		"matching of":         matchingOfSQL,
		"column":              columnSQL,
		"changed columns":     changedColumnsSQL,
		"changed bits":        changedBitsSQL,
		"folds":               foldsSQL,
		"created of":          createdOfSQL,
		"walk ended up":       walkEndedUpSQL,
		"walk ended down":     walkEndedDownSQL,
		"walk ids up":         walkIDUpSQL,
		"walk ids down":       walkIDDownSQL,
		"keys":                keysSQL,
		"listed jobs":         listedJobsSQL,
		"new rows":            newRowsSQL,
		"new ends":            newEndsSQL,
		"unfolded":            unfoldedSQL,
		"some bits":           someBitsSQL,
		"some columns":        someColumnsSQL,
		"unlisted":            unlistedSQL,
		"run agent":           runAgentSQL,
		"version":             versionSQL + alive,
		"pinned version":      versionSQL,
		"lock version":        lockVersionSQL,
		"deleted agents":      deletedAgentsSQL,
		"page of agents":      listedAgentStatsSQL,
		"kept files":          `select ` + fileColumns + keptFiles + keptFilesPage,
		"files of data set":   `select ` + fileColumns + keptFiles + inDataset + keptFilesPage,
	}
}

// FoldLock is the advisory lock of whoever folds.
const FoldLock = foldLock

// FoldLag notices that folds wait.
type FoldLag struct{ lag foldLag }

// Look returns for how long folds have been waiting, when that is to be told.
func (l *FoldLag) Look(now time.Time, left bool, to uint64) time.Duration {
	return l.lag.look(now, folded{left: left, to: to})
}
