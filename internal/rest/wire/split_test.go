package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/wire"
)

// FuzzSplit compares the cutting of JSON with what the standard library makes of it.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, ` { "a" : 1 , "b\"" : [ {"c":"}]"} , 2.5e3 ] , "a":null}`, `[1,"x,]",[[]],{"a":{}} , true]`, `{"\u0061":"\ud800","a":"\\"}`,
		`{"a":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`, "[\"\xff\"]", `{"":""}`, `"a"`, `3`, ``, `[`, `{"a"`, "[\n1\t,\r2]", manyKeys(40),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		elements, err := wire.Elements(raw, len(raw))
		members, merr := wire.Members(raw)
		if wire.CheckJSON(raw) != nil {
			return // it need only not panic
		}
		var list []json.RawMessage
		isList := json.Unmarshal(raw, &list) == nil && string(bytes.TrimSpace(raw)) != "null"
		if isList != (err == nil) || len(list) != len(elements) {
			t.Fatalf("%q: %d elements, %v; want %d", raw, len(elements), err, len(list))
		}
		for i := range list {
			if !bytes.Equal(list[i], elements[i]) {
				t.Errorf("%q: element %d is %q, want %q", raw, i, elements[i], list[i])
			}
		}
		var object map[string]json.RawMessage
		isObject := json.Unmarshal(raw, &object) == nil && string(bytes.TrimSpace(raw)) != "null"
		if isObject != (merr == nil) || len(object) != len(members) {
			t.Fatalf("%q: %d members, %v; want %d", raw, len(members), merr, len(object))
		}
		for _, m := range members {
			if !bytes.Equal(object[m.Key], m.Raw) {
				t.Errorf("%q: member %q is %q, want %q", raw, m.Key, m.Raw, object[m.Key])
			}
		}
	})
}

// manyKeys is an object whose keys come twice, with other values.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range 2 * n {
		fmt.Fprintf(&b, `,"k%d":%d`, i%n, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestOfEqualKeysTheLastCountsAtThePlaceOfTheFirst(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 16, 17, 40} {
		members, err := wire.Members([]byte(manyKeys(n)))
		if err != nil || len(members) != n {
			t.Fatalf("%d members, %v; want %d", len(members), err, n)
		}
		for i, m := range members {
			if m.Key != fmt.Sprintf("k%d", i) || string(m.Raw) != fmt.Sprint(n+i) {
				t.Errorf("member %d is %s=%s", i, m.Key, m.Raw)
			}
		}
	}
}

func TestWhatIsCutIsBounded(t *testing.T) {
	t.Parallel()
	if list, err := wire.Elements([]byte("["+strings.Repeat("1,", 1_000_000)+"1]"), 10); err != nil || len(list) != 11 {
		t.Errorf("of a long list %d elements, %v; want 11", len(list), err)
	}
	if members, err := wire.Members([]byte(manyKeys(1000))); err != nil || len(members) != 1000 {
		t.Errorf("%d members, %v; want 1000", len(members), err)
	}
	if _, err := wire.Members([]byte(manyKeys(1001))); steward.CodeOf(err) != steward.TooLarge {
		t.Errorf("1001 members: %v", err)
	}
}

func TestErrorsAboutABodyAreBounded(t *testing.T) {
	t.Parallel()
	for field, read := range map[string]func(d *wire.Decoder){
		"list":    func(d *wire.Decoder) { d.List("list", func(_ int, item *wire.Decoder) { item.Required("key") }) },
		"strings": func(d *wire.Decoder) { d.Strings("strings") },
	} {
		for element, n := range map[string]int{"1": 5000, "{}": 5000, `""`: 100_000} {
			members, err := wire.ParseObject([]byte(`{"` + field + `":[` + strings.Repeat(element+",", n) + element + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			d := wire.NewDecoder(members)
			read(d)
			var errs wire.FieldErrors
			if !errors.As(d.Err(), &errs) || len(errs) > 50 {
				t.Errorf("%s of %d times %s: %d errors", field, n, element, len(errs))
			}
		}
	}
}

func TestStringsOfMembers(t *testing.T) {
	t.Parallel()
	for raw, wanted := range map[string]string{`"a"`: "a", `""`: "", `"\u00e4\n"`: "ä\n", `"ä"`: "ä", `"\ud800"`: "\ufffd", "\"a\xff\"": "a\ufffd"} {
		if got, ok := (wire.Member{Raw: json.RawMessage(raw)}).String(); !ok || got != wanted {
			t.Errorf("%s is %q, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{`3`, `null`, `{}`, `["a"]`, `"`} {
		if got, ok := (wire.Member{Raw: json.RawMessage(raw)}).String(); ok {
			t.Errorf("%s is the text %q", raw, got)
		}
	}
}

func TestTimesInTheFormsOfClients(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for s, wanted := range map[string]time.Time{
		"": {}, "2026-01-02T12:00:00Z": noon, "2026-01-02t12:00:00z": noon, "2026-01-02T12:00:00+00:00": noon, "2026-01-02T12:00:00 00:00": noon,
		"2026-01-02T14:00:00+02:00": noon, "2026-01-02T14:00:00 02:00": noon, "2026-01-02T10:00:00-0200": noon, "2026-01-02 12:00:00": noon,
		"2026-01-02T12:00": noon, " 2026-01-02T12:00:00.000000+00:00 ": noon, "2026-01-02 12:00:00.5": noon.Add(time.Second / 2), "2026-01-02": noon.Add(-12 * time.Hour),
	} {
		if got, err := wire.Time("at", s, false); err != nil || !got.Equal(wanted) {
			t.Errorf("%q is %v, %v; want %v", s, got, err, wanted)
		}
	}
	if got, err := wire.Time("at", "2026-01-02", true); err != nil || !got.Equal(noon.Add(12*time.Hour-time.Microsecond)) {
		t.Errorf("the end of a day is %v, %v", got, err)
	}
	for _, s := range []string{"x", "2026", "2026-02-30", "2026-01-02T25:00:00Z", "12:00", "1768473000", "2026-01-02T12:00:00+99:00"} {
		if got, err := wire.Time("at", s, false); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}
