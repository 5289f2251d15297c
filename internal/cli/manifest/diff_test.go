package manifest_test

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/cli/manifest"
)

func TestDiffShowsTheChangesWithWhatStandsAround(t *testing.T) {
	t.Parallel()
	old := "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\n"
	now := "a\nb\nc\nd\nE\nE2\nf\ng\nh\ni\nj\nk\nl\nm\no\n"
	const want = `--- one
+++ two
@@ -2,7 +2,8 @@
 b
 c
 d
-e
+E
+E2
 f
 g
 h
@@ -11,5 +12,4 @@
 k
 l
 m
-n
 o
`
	if got := manifest.Diff("one", "two", old, now); got != want {
		t.Errorf("Diff =\n%s\nwant\n%s", got, want)
	}
	if got := manifest.Diff("one", "two", old, old); got != "" {
		t.Errorf("Diff of equal texts = %q", got)
	}
	if got := manifest.Diff("/dev/null", "two", "", "a\nb\n"); got != "--- /dev/null\n+++ two\n@@ -0,0 +1,2 @@\n+a\n+b\n" {
		t.Errorf("Diff from nothing = %q", got)
	}
	if got := manifest.Diff("one", "/dev/null", "a\n", ""); got != "--- one\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n" {
		t.Errorf("Diff to nothing = %q", got)
	}
}

func TestADiffTurnsTheOldTextIntoTheNew(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		old, now := text(rng, 40), text(rng, 40)
		if i%50 == 49 { // more changes than are searched for
			old, now = text(rng, 3000), text(rng, 3000)
		}
		diff := manifest.Diff("a", "b", old, now)
		if (diff == "") != (old == now) {
			t.Fatalf("diff %q of %q and %q", diff, old, now)
		}
		if got := patched(t, old, diff); got != now {
			t.Fatalf("patched:\n%s\nwant\n%s\ndiff\n%s", got, now, diff)
		}
	}
}

// patched applies a diff as the patch program does, but takes no line that is not exactly where the diff says.
func patched(t *testing.T, old, diff string) string {
	t.Helper()
	if diff == "" {
		return old
	}
	in := strings.SplitAfter(old, "\n")
	at := 0 // lines of old that are done
	var out strings.Builder
	for _, line := range strings.SplitAfter(diff, "\n")[2:] {
		if m := head.FindStringSubmatch(line); m != nil {
			start, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			if m[2] != ",0" {
				start--
			}
			for ; at < start; at++ {
				out.WriteString(in[at])
			}
			continue
		}
		if line == "" {
			break
		}
		if line[0] != '+' {
			if in[at] != line[1:] {
				t.Fatalf("line %d is %q, the diff says %q", at+1, in[at], line)
			}
			at++
		}
		if line[0] != '-' {
			out.WriteString(line[1:])
		}
	}
	return out.String() + strings.Join(in[at:], "")
}

var head = regexp.MustCompile(`^@@ -(\d+)(,\d+)? \+\d+(?:,\d+)? @@`)

// text is up to n lines of few kinds, so that two texts have many in common.
func text(rng *rand.Rand, n int) string {
	var b strings.Builder
	for range rng.IntN(n) {
		b.WriteString(strings.Repeat(string(rune('a'+rng.IntN(4))), 1+rng.IntN(3)))
		b.WriteByte('\n')
	}
	return b.String()
}
