package ocr_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/stewardhq/steward/internal/document/ocr"
)

// TestMain sees to it that the program is there.
func TestMain(m *testing.M) {
	if out, err := exec.Command("../../../scripts/ocr.sh").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "scripts/ocr.sh: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// find finds the real program.
func find(t testing.TB, opts ocr.Options) *ocr.Engine {
	t.Helper()
	e, err := ocr.Find(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// paint writes lines of 40 pixels onto a white picture.
func paint(t testing.TB, lines ...string) *image.Gray {
	t.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 40, DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, 1400, 120+70*len(lines)))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for i, l := range lines {
		d := font.Drawer{Dst: img, Src: image.NewUniform(color.Black), Face: face, Dot: fixed.P(80, 100+70*i)}
		d.DrawString(l)
	}
	return img
}

// letter is a text long enough for its orientation to be told.
var letter = []string{ //nolint:gochecknoglobals // a table
	"Harbour office of the northern port", "Dear Madam, we thank you for the delivery of the", "fourteen pallets of green coffee that reached us on",
	"Tuesday. The goods were counted and found complete.", "The amount of 4,512.80 is due within thirty days.", "Yours faithfully, Winifred Amory",
}

// said is what was read, one line after the other.
func said(r *ocr.Reading) string {
	var b strings.Builder
	for i, w := range r.Words {
		if i > 0 && w.Line != r.Words[i-1].Line {
			b.WriteByte('\n')
		} else if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.Text)
	}
	return b.String()
}

func TestReadsWordsWithTheirPlaces(t *testing.T) {
	t.Parallel()
	img := paint(t, letter...)
	r, err := find(t, ocr.Options{}).Read(t.Context(), img, ocr.Params{})
	if err != nil {
		t.Fatal(err)
	}
	if got := said(r); got != strings.Join(letter, "\n") || r.Turn != 0 {
		t.Errorf("turned %d, got\n%s", r.Turn, got)
	}
	for _, w := range r.Words {
		if w.Confidence < 0.5 || w.Confidence > 1 || !w.Box.In(img.Rect) || w.Box.Empty() {
			t.Errorf("%+v", w)
		}
	}
	if first := r.Words[0].Box; first.Min.X < 75 || first.Min.X > 95 || first.Min.Y < 60 || first.Max.Y > 105 {
		t.Errorf("%s stands at %v", r.Words[0].Text, first)
	}
}

func TestReadsTurnedPictures(t *testing.T) {
	t.Parallel()
	e := find(t, ocr.Options{})
	upright := paint(t, letter...)
	straight, err := e.Read(t.Context(), upright, ocr.Params{})
	if err != nil {
		t.Fatal(err)
	}
	for _, degrees := range []int{90, 180, 270} {
		turned := ocr.Turn(upright, degrees)
		r, err := e.Read(t.Context(), turned, ocr.Params{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Turn != 360-degrees || said(r) != strings.Join(letter, "\n") {
			t.Errorf("turned by %d: turned back by %d, got\n%s", degrees, r.Turn, said(r))
			continue
		}
		for i, w := range r.Words {
			back := ocr.TurnBox(w.Box, r.Turn, turned.Rect.Size())
			if d := back.Min.Sub(straight.Words[i].Box.Min); !w.Box.In(turned.Rect) || d.X < -3 || d.X > 3 || d.Y < -3 || d.Y > 3 {
				t.Errorf("turned by %d: %s at %v, not %v", degrees, w.Text, back, straight.Words[i].Box)
			}
		}
	}
}

func TestAnEmptyPictureHasNoWords(t *testing.T) {
	t.Parallel()
	e := find(t, ocr.Options{})
	for _, img := range []*image.Gray{paint(t), image.NewGray(image.Rect(0, 0, 1, 1)), image.NewGray(image.Rectangle{}), image.NewGray(image.Rect(0, 0, 200, 100))} {
		if r, err := e.Read(t.Context(), img, ocr.Params{}); err != nil || len(r.Words) != 0 {
			t.Errorf("%v: %+v, %v", img.Rect, r, err)
		}
	}
}

func TestPartsOfPicturesAreRead(t *testing.T) {
	t.Parallel()
	part, ok := paint(t, letter...).SubImage(image.Rect(0, 0, 1400, 130)).(*image.Gray)
	if !ok {
		t.Fatal("no gray picture")
	}
	if r, err := find(t, ocr.Options{}).Read(t.Context(), part, ocr.Params{}); err != nil || said(r) != letter[0] {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestLanguagesAreChecked(t *testing.T) {
	t.Parallel()
	if e := find(t, ocr.Options{Languages: []string{"deu", "eng"}}); strings.Join(e.Languages(), "+") != "deu+eng" || !strings.HasPrefix(e.Version(), "5.") && !strings.HasPrefix(e.Version(), "4.") {
		t.Errorf("%v, version %q", e.Languages(), e.Version())
	}
	for name, says := range map[string]string{"tlh": "language tlh is not installed; there are", "osd": "is not a language", "--help": "is not a language", "../eng": "is not a language", "": "is not a language"} {
		if _, err := ocr.Find(t.Context(), ocr.Options{Languages: []string{name}}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := ocr.Find(t.Context(), ocr.Options{Path: filepath.Join(t.TempDir(), "tesseract")}); !errors.Is(err, ocr.ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
}

// fake is a program that answers questions as the real one does, and pictures as script says.
func fake(t *testing.T, opts ocr.Options, script string) *ocr.Engine {
	t.Helper()
	opts.Path = filepath.Join(t.TempDir(), "tesseract")
	text := "#!/bin/sh\ncase $1 in\n--version) echo tesseract 5.9; exit ;;\n--list-langs) printf 'List:\\neng\\n'; exit ;;\nesac\n" + script
	if err := os.WriteFile(opts.Path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return find(t, opts)
}

func TestHostileProgramsAreEnded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		opts   ocr.Options
		script string
		want   error
	}{
		"endless answer": {ocr.Options{MaxOutputBytes: 1 << 20}, "while :; do echo 5555555555555555555555555555; done", ocr.ErrTooLarge},
		"no answer":      {ocr.Options{Timeout: 2 * time.Second}, "sleep 600 & sleep 600", ocr.ErrTimeout},
		"large picture":  {ocr.Options{MaxPixels: 100}, "exit 0", ocr.ErrTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := fake(t, tt.opts, tt.script).Read(t.Context(), paint(t, "x"), ocr.Params{}); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err := fake(t, ocr.Options{}, "echo 'first' >&2; echo 'no such thing' >&2; exit 3").Read(t.Context(), paint(t, "x"), ocr.Params{})
	if err == nil || !strings.Contains(err.Error(), "no such thing") || strings.Contains(err.Error(), "first") {
		t.Errorf("got %v", err)
	}
}

func TestTheTimeHoldsForAllRunsOnAPictureTogether(t *testing.T) {
	t.Parallel()
	// The first run answers nothing after most of the time, so that a second one looks for words anywhere and takes as long.
	e := fake(t, ocr.Options{Timeout: 2 * time.Second}, "cat >/dev/null; sleep 1.2")
	if _, err := e.Read(t.Context(), paint(t, letter...), ocr.Params{}); !errors.Is(err, ocr.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	e = fake(t, ocr.Options{Timeout: 10 * time.Second}, "cat >/dev/null; sleep 0.2")
	r, err := e.Read(t.Context(), paint(t), ocr.Params{})
	if err != nil || r.Took < 200*time.Millisecond {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := e.Read(t.Context(), paint(t), ocr.Params{Spent: 10*time.Second - r.Took/4}); !errors.Is(err, ocr.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

func TestACancelledReadingLeavesNoProcess(t *testing.T) {
	t.Parallel()
	length := fmt.Sprintf("600.%d", os.Getpid()) // tells the process from others
	e := fake(t, ocr.Options{}, "sleep "+length+" & wait")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		await(t, func() bool { return runs(length) })
	})
	if _, err := e.Read(ctx, paint(t, "x"), ocr.Params{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wg.Wait()
	await(t, func() bool { return !runs(length) })
}

// await waits until something outside of this process holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Error("waited in vain")
			return
		}
	}
}

// runs reports whether a process sleeps for a length.
func runs(length string) bool {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return false
	}
	for _, f := range files {
		// A process that has ended meanwhile has no such file, and a dead one an empty one.
		if text, err := os.ReadFile(f); err == nil && string(text) == "sleep\x00"+length+"\x00" {
			return true
		}
	}
	return false
}

func TestTheChildSeesACleanEnvironmentAndItsLimits(t *testing.T) {
	t.Setenv("SOME_API_KEY", "secret")
	row := func(text string) string {
		return "cat >/dev/null; printf '5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t90\\t%s\\n' \"" + text + "\""
	}
	e := fake(t, ocr.Options{DataDir: "/data"}, row(`$(env | sort | tr '\n' ';')`))
	r, err := e.Read(t.Context(), paint(t), ocr.Params{})
	if err != nil || len(r.Words) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := r.Words[0].Text; strings.Contains(got, "secret") || !strings.Contains(got, "OMP_THREAD_LIMIT=1;") || !strings.Contains(got, "TESSDATA_PREFIX=/data;") {
		t.Errorf("it sees %s", got)
	}
	if runtime.GOOS != "linux" {
		return // elsewhere a child cannot be limited
	}
	e = fake(t, ocr.Options{MaxMemoryBytes: 512 << 20}, "while [ $(ulimit -v) = unlimited ]; do sleep 0.01; done\n"+row("$(ulimit -v)"))
	if r, err = e.Read(t.Context(), paint(t), ocr.Params{}); err != nil || said(r) != strconv.Itoa(512<<10) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAtMostSoManyPicturesAreReadAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Each child makes a folder that a second one cannot make while the first one runs.
	e := fake(t, ocr.Options{Concurrency: 1}, "mkdir "+dir+"/busy || { echo two at once >&2; exit 1; }\ncat > /dev/null; rmdir "+dir+"/busy")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := e.Read(t.Context(), paint(t), ocr.Params{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
