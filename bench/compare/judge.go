package main

import (
	"strconv"

	"github.com/stewardhq/steward/internal/crashtest/effects"
)

// counts are what the log of effects says about jobs that a kill interrupted.
type counts struct {
	repeated int // steps done again although they were recorded: the step after them had begun
	redone   int // steps done again that were killed, or cut off from their server, before they could be recorded
}

// judge counts the steps that were done more than once.
func judge(list []effects.Effect) counts {
	var c counts
	highest := map[string]int{} // step of a job
	for _, e := range list {
		step, err := strconv.Atoi(e.Step)
		if err != nil {
			continue // not of our programs
		}
		job := string(e.Job)
		switch before := highest[job]; {
		case step < before:
			c.repeated++
		case step == before:
			c.redone++
		default:
			highest[job] = step
		}
	}
	return c
}
