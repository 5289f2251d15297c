package admit_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/admit"
)

func TestARateHasABurstAndRefills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := admit.NewLimiter(admit.Rate{PerSecond: 10, Burst: 5})
		for i := range 5 {
			if left := l.Take("a"); !left.OK || left.Remaining != 4-i || left.Burst != 5 || left.Window != 500*time.Millisecond {
				t.Errorf("request %d: %+v", i, left)
			}
		}
		left := l.Take("a")
		if left.OK || left.Retry != 100*time.Millisecond || left.Reset != 500*time.Millisecond {
			t.Errorf("the sixth: %+v", left)
		}
		if !l.Take("b").OK {
			t.Error("another name has to pay for it")
		}
		time.Sleep(left.Retry) // virtual
		if !l.Take("a").OK || l.Take("a").OK {
			t.Error("after the time that was named, one request may come, and not two")
		}
		time.Sleep(time.Hour) // virtual
		if left := l.Look("a"); !left.OK || left.Remaining != 5 || left.Reset != 0 {
			t.Errorf("after a rest: %+v", left)
		}
	})
}

func TestNoRateIsNoLimit(t *testing.T) {
	t.Parallel()
	l := admit.NewLimiter(admit.Rate{})
	for range 1000 {
		if left := l.Take("a"); !left.OK || left.Limited {
			t.Fatalf("%+v", left)
		}
	}
	if n := l.Names(); n != 0 {
		t.Errorf("%d names are remembered", n)
	}
}

func TestManyNamesTakeBoundedMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := admit.NewLimiter(admit.Rate{PerSecond: 1, Burst: 2})
		const most = 50_000
		for i := range most + 20_000 {
			l.Take(fmt.Sprint("name ", i))
		}
		if n := l.Names(); n != most {
			t.Errorf("%d names are remembered, want %d", n, most)
		}
		if l.Take("one more").OK {
			t.Error("newcomers share an allowance while there are too many, which is used up")
		}
		time.Sleep(time.Minute) // virtual
		if !l.Take("later").OK {
			t.Error("a newcomer is refused after all have rested")
		}
		if n := l.Names(); n != 1 {
			t.Errorf("%d names are remembered after all have rested, want 1", n)
		}
	})
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestStrangersOfOneNetworkShareAnAllowance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := admit.New(admit.Options{PerAddress: admit.Rate{PerSecond: 1, Burst: 1}, Logger: quiet()})
		for used, others := range map[string]struct{ same, other string }{
			"192.0.2.1:1000":          {"192.0.2.1:2000", "192.0.2.2:1000"},
			"[2001:db8::1]:1000":      {"[2001:db8::ffff]:1", "[2001:db8:0:1::1]:1000"},
			"[::ffff:192.0.2.7]:1000": {"192.0.2.7:9", "192.0.2.8:1"},
		} {
			if !d.Stranger(used).OK {
				t.Errorf("%s is refused before it came", used)
			}
			d.Refused(used, "")
			if d.Stranger(others.same).OK {
				t.Errorf("%s has an allowance of its own beside %s", others.same, used)
			}
			if !d.Stranger(others.other).OK {
				t.Errorf("%s pays for %s", others.other, used)
			}
		}
	})
}

func TestAGoodTokenIsKnownUntilItIsRefused(t *testing.T) {
	t.Parallel()
	d := admit.New(admit.Options{Logger: quiet()})
	if d.Known("Bearer a") {
		t.Error("a token is known before it came")
	}
	d.Accepted("Bearer a")
	for i := range 20_000 { // as many as are kept young
		d.Accepted(fmt.Sprint("Bearer ", i))
	}
	if !d.Known("Bearer a") {
		t.Error("a good token was forgotten too soon")
	}
	d.Refused("192.0.2.1:1", "Bearer a")
	if d.Known("Bearer a") {
		t.Error("a token that was revoked is still known")
	}
}

func TestSmallBodiesHaveRoomBesideLargeOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := admit.New(admit.Options{BodyBytes: 16 << 20, Wait: time.Millisecond, Logger: quiet()})
		for _, who := range []string{"a", "b"} { // fill the room of large bodies
			for {
				if _, err := d.Hold(t.Context(), who, 2<<20); err != nil {
					break
				}
			}
		}
		if _, err := d.Hold(t.Context(), "c", 2<<20); steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("a large body beside many: %v", err)
		}
		if _, err := d.Hold(t.Context(), "c", 100<<10); err != nil {
			t.Errorf("a small body beside many large ones: %v", err)
		}
		if _, err := d.Hold(t.Context(), "c", 1<<10); err != nil {
			t.Errorf("a tiny body: %v", err)
		}
	})
}

func TestRefusalsAreLoggedNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		d := admit.New(admit.Options{Waiters: 1, Logger: slog.New(slog.NewTextHandler(&out, nil))})
		if _, err := d.Enter(t.Context(), admit.Waiter, "a"); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if _, err := d.Enter(t.Context(), admit.Waiter, "a"); err == nil {
				t.Fatal("a second waiter is let in")
			}
		}
		time.Sleep(10 * time.Second)                   // virtual
		_, _ = d.Enter(t.Context(), admit.Waiter, "a") // refused as well
		if got := strings.Count(out.String(), "\n"); got != 2 || !strings.Contains(out.String(), "refused=100") {
			t.Errorf("logged:\n%s", out.String())
		}
	})
}

func TestWithoutADoorEverythingGoesIn(t *testing.T) {
	t.Parallel()
	var d *admit.Door
	if _, err := d.Enter(t.Context(), admit.Heavy, "a"); err != nil {
		t.Error(err)
	}
	if _, err := d.Hold(t.Context(), "a", 1<<40); err != nil {
		t.Error(err)
	}
	d.Refused("192.0.2.1:1", "x")
	d.Accepted("x")
	if !d.Stranger("192.0.2.1:1").OK || !d.Key("k").OK || d.Known("x") {
		t.Error("somebody is counted")
	}
}
