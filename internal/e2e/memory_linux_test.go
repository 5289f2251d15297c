package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
)

// Limits of resident memory.
const (
	idleLimit   = 80 * mebibyte // of a server that has nothing to do
	uploadLimit = 32 * mebibyte // that an upload of any size may add
)

func TestAnIdleServerIsSmall(t *testing.T) { //nolint:paralleltest // it measures memory
	s := start(t, options{})
	s.stop()
	s.boot()
	until(t, "the resident memory is below 80 MiB", func() bool { return s.memory("VmRSS") < idleLimit })
	idle := s.memory("VmRSS")
	for range 20 {
		for _, path := range []string{agentsPath, agentsPath + "types/", agentsPath + "models/", "/v1/users/current_user/", "/readyz"} {
			s.get(path).want(http.StatusOK)
		}
	}
	used := s.memory("VmRSS")
	t.Logf("resident memory %s after the start, %s after 100 requests, %s at most", mib(idle), mib(used), mib(s.memory("VmHWM")))
	if used >= idleLimit {
		t.Errorf("resident memory %s after a few requests, want less than %s", mib(used), mib(idleLimit))
	}
}

func TestA90MegabyteUploadTakesLittleMemory(t *testing.T) { //nolint:paralleltest // it measures memory
	// Without workers: what is measured is the receiving alone.
	s := start(t, options{args: []string{"--role", "api"}})
	agent := s.pdfAgent("big", textSchema, nil)
	s.postForm(asyncPath(agent), pdf("small.pdf", testdata(t, "pdf/rotated.pdf"))).submitted() // brings the program's code in, once
	before := s.memory("VmRSS")
	s.resetPeak()
	file, size := bigPDF(90 * mebibyte)
	began := time.Now()
	job := newUpload("", file, size).send(s, asyncPath(agent), false).submitted()
	took, peak := time.Since(began), s.memory("VmHWM")
	t.Logf("received %s in %v: resident memory %s before, %s at most, grown by %s", mib(size), took.Round(time.Millisecond), mib(before), mib(peak), mib(peak-before))
	if peak-before >= uploadLimit {
		t.Errorf("resident memory grew by %s, want less than 32 MiB", mib(peak-before))
	}
	if st := s.status(job); st.Status != steward.StatusPending {
		t.Errorf("without a worker the job is %v", st.Status)
	}

	// With workers it is read, as any other.
	s.stop()
	s.opts.args = nil
	s.boot()
	var out struct {
		Number *string `json:"invoice_number"`
	}
	s.wait(job).succeeded(t, &out)
	if out.Number == nil || *out.Number != "BIG-90" {
		t.Errorf("read %v", out.Number)
	}
}

// memory returns a figure of /proc/<pid>/status in bytes, such as VmRSS or VmHWM.
func (s *server) memory(name string) int64 {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return n << 10
		}
	}
	s.t.Fatalf("no %s in %s", name, text)
	return 0
}

// resetPeak makes VmHWM start again from VmRSS.
func (s *server) resetPeak() {
	s.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0); err != nil {
		s.t.Fatal(err)
	}
}

// mib writes bytes for people.
func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
