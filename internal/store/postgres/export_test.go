package postgres

import "github.com/jackc/pgx/v5"

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
		"list agent's jobs":   listAgentJobsSQL,
		"list all jobs":       listOrganizationJobsSQL,
		"count agent's jobs":  countAgentJobsSQL,
		"count all jobs":      countOrganizationJobsSQL,
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
		"count running":       countRunningSQL,
		"expired uploads":     expiredUploadsSQL,
		"blobs left behind":   leftBlobsSQL,
		"drop uploads":        dropUploadsSQL,
		"mourn blobs":         mournSQL,
		"look for known keys": knownKeysSQL,
		"forget old keys":     forgetKeysSQL,
		"agent":               agentSQL,
	}
}
